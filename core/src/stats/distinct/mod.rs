//! How many different items a stream has, in bounded memory.

mod hash;
mod likelihood;
mod precision;
mod register;

pub use hash::hash;
use likelihood::Likelihood;
pub use precision::{InvalidLength, InvalidPrecision, Precision};

/// UltraLogLog: the number of different items of a stream, estimated from 2^p registers of a byte each, for a
/// [`Precision`] p that the length of the storage gives (Ertl, "UltraLogLog: A Practical and More Space-Efficient
/// Alternative to HyperLogLog for Approximate Distinct Counting", 2023, arXiv 2308.16862).
///
/// 2 KiB are enough for an error of 1.7 %, from one item to 10^18. Items seen again change nothing, nor does the order;
/// so sketches of parts of a stream [merge](Self::merge) to the sketch of all of it, to the bit.
///
/// The registers are the whole state, and a stable format, that of the paper, for items hashed by [`hash`]. The first p
/// bits of a hash are the number of its register; with z zeros before the next one (64 - p if none follows) it is of
/// level p - 1 + z. A register is four times the highest level it has seen, and 2 if it has seen the level below that, and
/// 1 if it has seen the one below that; or 0 if it has seen none.
///
/// ```
/// use streamgauge_core::stats::UltraLogLog;
///
/// let mut here = UltraLogLog::new([0; 2048])?;
/// let mut there = UltraLogLog::new([0; 2048])?;
/// for visit in 0..30_000_u32 {
///     let visitor = visit % 10_000;
///     here.add(&visitor.to_le_bytes());
///     there.add(&(visitor + 5_000).to_le_bytes());
/// }
/// here.merge(&there)?;
/// let distinct = here.estimate();
/// assert!((distinct.estimate / 15_000.0 - 1.0).abs() < 2.0 * distinct.error);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UltraLogLog<S> {
    registers: S,
    precision: Precision,
}

/// How many different items there were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number of items, at most 2^64: there are no more hashes. Not a whole number, but near one while it is small.
    pub estimate: f64,
    /// Its [relative standard error](Precision::error): two of three times the truth is that near, 19 of 20 times
    /// twice as near.
    pub error: f64,
}

/// Registers that no items can have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRegisters {
    /// There are not as many as any precision has.
    Length(InvalidLength),
    /// This one, counted from 0, has a value that does not occur at this precision.
    Register(usize),
}

impl core::fmt::Display for InvalidRegisters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Length(error) => error.fmt(f),
            Self::Register(number) => write!(f, "register {number} has a value that no items lead to"),
        }
    }
}

impl core::error::Error for InvalidRegisters {}

/// What is to be merged has a lower precision: it has lost what this one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowerPrecision;

impl core::fmt::Display for LowerPrecision {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("what is to be merged has a lower precision")
    }
}

impl core::error::Error for LowerPrecision {}

impl<S: AsRef<[u8]> + AsMut<[u8]>> UltraLogLog<S> {
    /// Nothing seen yet; the storage is zeroed, its length is the number of registers. O(m).
    ///
    /// # Errors
    /// [`InvalidLength`] unless the length is a power of two from 8 to 2^26.
    pub fn new(mut registers: S) -> Result<Self, InvalidLength> {
        let precision = Precision::of_registers(registers.as_ref().len())?;
        registers.as_mut().fill(register::EMPTY);
        Ok(Self { registers, precision })
    }

    /// Forgets all items. O(m).
    pub fn clear(&mut self) {
        self.registers.as_mut().fill(register::EMPTY);
    }

    /// Takes an item in, by its [`hash`] with kind 0. O(length of the item).
    #[inline]
    pub fn add(&mut self, item: &[u8]) {
        self.add_hash(hash(0, item));
    }

    /// Takes an item in by its hash. O(1), without branches.
    ///
    /// All 64 bits have to be as good as random, and equal for equal items wherever sketches are to be merged.
    #[inline]
    pub fn add_hash(&mut self, hash: u64) {
        let (number, seen) = register::of_hash(self.precision, hash);
        if let Some(register) = self.registers.as_mut().get_mut(number) {
            *register = register::union(*register, seen);
        }
    }

    /// Takes in what `other`, of the same or a higher precision, has seen. O(m) of the other.
    ///
    /// The registers become those of a sketch of this precision that has seen the items of both, to the bit.
    ///
    /// # Errors
    /// [`LowerPrecision`]; nothing has changed. (The other one can take this one in.)
    pub fn merge<R: AsRef<[u8]>>(&mut self, other: &UltraLogLog<R>) -> Result<(), LowerPrecision> {
        let bits = other.precision.get().checked_sub(self.precision.get()).ok_or(LowerPrecision)?;
        let registers = self.registers.as_mut().iter_mut();
        if bits == 0 {
            registers.zip(other.registers()).for_each(|(to, from)| *to = register::union(*to, *from));
            return Ok(());
        }
        let parts = other.registers().chunks(1_usize.wrapping_shl(u32::from(bits)));
        for (to, parts) in registers.zip(parts) {
            for (number, part) in (0..).zip(parts) {
                *to = register::union(*to, register::of_part(other.precision, number, *part));
            }
        }
        Ok(())
    }
}

impl<S: AsRef<[u8]>> UltraLogLog<S> {
    /// The sketch with these registers, from anywhere: what no items can have led to is refused. O(m).
    ///
    /// # Errors
    /// [`InvalidRegisters`] says what is wrong.
    pub fn from_registers(registers: S) -> Result<Self, InvalidRegisters> {
        let precision = Precision::of_registers(registers.as_ref().len()).map_err(InvalidRegisters::Length)?;
        match registers.as_ref().iter().position(|register| !register::is_possible(precision, *register)) {
            None => Ok(Self { registers, precision }),
            Some(number) => Err(InvalidRegisters::Register(number)),
        }
    }

    /// The sketch with these registers, which have been those of a sketch before. O(1).
    ///
    /// Of other registers the estimates mean nothing.
    ///
    /// # Errors
    /// [`InvalidLength`] if this precision has another number of registers.
    pub fn from_parts(precision: Precision, registers: S) -> Result<Self, InvalidLength> {
        let fits = registers.as_ref().len() == precision.registers();
        if fits { Ok(Self { registers, precision }) } else { Err(InvalidLength) }
    }

    /// The registers: all that there is to store, or to send. O(1).
    pub fn registers(&self) -> &[u8] {
        self.registers.as_ref()
    }

    /// How many different items were seen. O(m), with 1.7 KiB of stack.
    ///
    /// It is the number that makes the registers the likeliest, less what that is too large by on average; the same on
    /// every machine, to the bit. From the first item on to 10^18, the mean of it is the truth, within a fiftieth of the
    /// [standard error](Precision::error).
    pub fn estimate(&self) -> Estimate {
        let likelihood = Likelihood::of(self.precision, self.registers());
        Estimate { estimate: likelihood.items().min(MOST), error: self.precision.error() }
    }
}

impl<S> UltraLogLog<S> {
    /// How exact it is. O(1).
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// What it is made of, for [`from_parts`](Self::from_parts). O(1).
    pub fn into_parts(self) -> (Precision, S) {
        (self.precision, self.registers)
    }
}

/// 2^64.
const MOST: f64 = 18_446_744_073_709_551_616.0;
