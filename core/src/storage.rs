//! Storage that its owner hands in, and that may be able to grow.

/// Places for `T`s that a structure owns, of which there may become more.
///
/// A microcontroller hands in an array; a server may hand in a bounded vector that begins small and
/// [grows](Self::grow), so that a thousand idle structures cost next to nothing. Arrays and slices never grow, and
/// [`Fixed`] makes anything else that holds slices (a boxed one, say) such a storage.
///
/// ```
/// use streamgauge_core::storage::Grow;
///
/// /// At most so many places, made as they are needed.
/// struct Bounded<T>(Vec<T>, usize);
///
/// impl<T> AsRef<[T]> for Bounded<T> {
///     fn as_ref(&self) -> &[T] {
///         &self.0
///     }
/// }
///
/// impl<T> AsMut<[T]> for Bounded<T> {
///     fn as_mut(&mut self) -> &mut [T] {
///         &mut self.0
///     }
/// }
///
/// impl<T: Clone + Default> Grow<T> for Bounded<T> {
///     fn grow(&mut self) -> bool {
///         let len = self.0.len();
///         self.0.resize((2 * len + 1).min(self.1), T::default());
///         self.0.len() > len
///     }
/// }
///
/// let mut places = Bounded(Vec::<u8>::new(), 2);
/// assert!(places.grow() && places.grow() && !places.grow());
/// assert_eq!(places.as_ref().len(), 2);
/// ```
pub trait Grow<T>: AsRef<[T]> + AsMut<[T]> {
    /// Makes room for more, and returns whether there is more of it now. What was there stays as it was, at the same
    /// indices; what the new places hold does not matter.
    fn grow(&mut self) -> bool {
        false
    }
}

impl<T, const N: usize> Grow<T> for [T; N] {}

impl<T> Grow<T> for [T] {}

impl<T, G: Grow<T> + ?Sized> Grow<T> for &mut G {
    fn grow(&mut self) -> bool {
        (**self).grow()
    }
}

/// A place for a value that is often not there.
///
/// A microcontroller hands in an `Option`. A server, of whose thousand structures few have the value, hands in
/// something that is small while there is none.
pub trait Optional<T>: Default {
    /// The value, if there is one.
    fn get(&self) -> Option<&T>;

    /// The value, to be changed.
    fn get_mut(&mut self) -> Option<&mut T>;

    /// Keeps this value, or none, in the place of what was there.
    fn set(&mut self, value: Option<T>);
}

impl<T> Optional<T> for Option<T> {
    fn get(&self) -> Option<&T> {
        self.as_ref()
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        self.as_mut()
    }

    fn set(&mut self, value: Option<T>) {
        *self = value;
    }
}

/// A storage that never grows, such as a `Box<[T]>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fixed<S>(pub S);

impl<T, S: AsRef<[T]>> AsRef<[T]> for Fixed<S> {
    fn as_ref(&self) -> &[T] {
        self.0.as_ref()
    }
}

impl<T, S: AsMut<[T]>> AsMut<[T]> for Fixed<S> {
    fn as_mut(&mut self) -> &mut [T] {
        self.0.as_mut()
    }
}

impl<T, S: AsRef<[T]> + AsMut<[T]>> Grow<T> for Fixed<S> {}
