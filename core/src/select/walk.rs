//! One walk along a message, into what paths lead into and over all else.

use crate::wire::json::value::says;
use crate::wire::json::{Bad, Scanner};

use super::path::{MAX_STEPS, Path};

/// A set of paths, by their numbers.
pub(super) type Paths = u64;

/// Some paths.
pub(super) trait Wanted {
    /// How many there are: [`Paths::BITS`] at most.
    fn count(&self) -> usize;
    /// How many steps a path has.
    fn steps(&self, path: usize) -> usize;
    /// The step of a path at a depth.
    fn step(&self, path: usize, depth: usize) -> Option<&str>;
}

impl<T: AsRef<str>> Wanted for [Path<T>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn steps(&self, path: usize) -> usize {
        self.get(path).map_or(0, |path| path.spans().len())
    }

    #[inline]
    fn step(&self, path: usize, depth: usize) -> Option<&str> {
        let path = self.get(path)?;
        path.spans().get(path.text(), depth)
    }
}

/// A value in an object or in an array that the walk has gone into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// In how many objects and arrays it is: 1 for a member of the message itself.
    pub(super) depth: usize,
    /// Where its member begins: behind the bracket or the comma.
    pub(super) member: usize,
    /// Where it begins itself.
    pub(super) value: usize,
    /// Whether it is an object or an array.
    pub(super) is_nested: bool,
    /// The paths that end here.
    pub(super) here: Paths,
    /// The paths that lead on from here.
    pub(super) on: Paths,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In, where a path leads on.
    Into,
    Over,
}

/// What is done on the way.
pub(super) trait Visitor<'m> {
    /// Why the walk ended before the message did.
    type Error: From<Bad>;

    /// A value begins.
    fn begin(&mut self, place: &Place) -> Result<Way, Self::Error>;

    /// It has ended. `value` is its text, and `next` where the comma or bracket behind it stands.
    fn end(&mut self, place: &Place, value: &'m str, next: usize) -> Result<(), Self::Error>;
}

/// An object or an array that is open.
struct Frame {
    /// What it is itself; none for the message.
    place: Option<Place>,
    /// The paths that lead on from it.
    on: Paths,
    is_object: bool,
    /// How many values of it have begun.
    values: u64,
}

/// Along the whole of `message`, for these paths of those that are wanted. O(n), and each key in what is gone into is
/// compared with the paths that lead there.
pub(super) fn walk<'m, W, V>(message: &'m str, wanted: &W, paths: Paths, visitor: &mut V) -> Result<(), V::Error>
where
    W: Wanted + ?Sized,
    V: Visitor<'m>,
{
    let mut walk = Walk { scanner: Scanner::new(message), wanted, frames: heapless::Vec::new() };
    let all = select(wanted, paths, |_| true);
    walk.scanner.skip_space();
    if all == 0 || !matches!(walk.scanner.peek(), Some(b'{' | b'[')) {
        walk.scanner.value()?;
    } else if let Some(member) = walk.open(None, all)? {
        walk.inside(member, visitor)?;
    }
    if walk.scanner.at_end() { Ok(()) } else { Err(Bad::Syntax.into()) }
}

struct Walk<'m, 'w, W: ?Sized> {
    scanner: Scanner<'m>,
    wanted: &'w W,
    /// No path leads deeper.
    frames: heapless::Vec<Frame, MAX_STEPS>,
}

impl<'m, W: Wanted + ?Sized> Walk<'m, '_, W> {
    /// Goes in at a bracket; says where its first member begins, unless it is closed at once.
    fn open(&mut self, place: Option<Place>, on: Paths) -> Result<Option<usize>, Bad> {
        let is_object = self.scanner.take(b'{');
        if !is_object && !self.scanner.take(b'[') {
            return Err(Bad::Syntax);
        }
        let member = self.scanner.at();
        self.scanner.skip_space();
        if self.scanner.take(close(is_object)) {
            return Ok(None);
        }
        let pushed = self.frames.push(Frame { place, on, is_object, values: 0 });
        pushed.map(|()| Some(member)).map_err(|_| Bad::TooDeep)
    }

    /// From behind the bracket of the first frame to behind the one that closes it.
    fn inside<V: Visitor<'m>>(&mut self, first: usize, visitor: &mut V) -> Result<(), V::Error> {
        let mut member = first;
        loop {
            let place = self.place(member)?;
            let way = visitor.begin(&place)?;
            if way == Way::Into && place.is_nested && place.on != 0 {
                if let Some(first) = self.open(Some(place), place.on)? {
                    member = first;
                    continue;
                }
            } else {
                self.scanner.value_within(place.depth)?;
            }
            self.leave(&place, visitor)?;
            loop {
                if self.scanner.take(b',') {
                    member = self.scanner.at();
                    break;
                }
                let Some(frame) = self.frames.pop() else { return Ok(()) };
                if !self.scanner.take(close(frame.is_object)) {
                    return Err(Bad::Syntax.into());
                }
                match frame.place {
                    Some(place) => self.leave(&place, visitor)?,
                    None => return Ok(()),
                }
            }
        }
    }

    /// The value that begins next, in the innermost frame.
    fn place(&mut self, member: usize) -> Result<Place, Bad> {
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut() else { return Err(Bad::Syntax) };
        let step = depth.wrapping_sub(1);
        let through = if frame.is_object {
            let name = self.scanner.name()?;
            select(self.wanted, frame.on, |path| self.wanted.step(path, step).is_some_and(|step| says(name, step)))
        } else {
            let at = Some(frame.values);
            frame.values = frame.values.wrapping_add(1);
            select(self.wanted, frame.on, |path| self.wanted.step(path, step).and_then(|step| step.parse().ok()) == at)
        };
        let here = select(self.wanted, through, |path| self.wanted.steps(path) == depth);
        self.scanner.skip_space();
        let is_nested = matches!(self.scanner.peek(), Some(b'{' | b'['));
        Ok(Place { depth, member, value: self.scanner.at(), is_nested, here, on: through & !here })
    }

    fn leave<V: Visitor<'m>>(&mut self, place: &Place, visitor: &mut V) -> Result<(), V::Error> {
        let value = self.scanner.since(place.value);
        self.scanner.skip_space();
        visitor.end(place, value, self.scanner.at())
    }
}

const fn close(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// Those of `paths` for which `holds`.
#[inline]
fn select<W: Wanted + ?Sized>(wanted: &W, paths: Paths, holds: impl Fn(usize) -> bool) -> Paths {
    let mut left = paths;
    let mut selected = 0;
    while left != 0 {
        let path = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        if path as usize >= wanted.count() {
            break;
        }
        if holds(path as usize) {
            selected |= 1 << path;
        }
    }
    selected
}
