//! One root a public function, by module.

/// A list of roots: a name for each function, and a call of it.
macro_rules! roots {
    ($($name:ident => $call:expr;)*) => {
        /// The roots of this module.
        pub static ROOTS: &[fn()] = &[$({
            #[inline(never)]
            fn $name() {
                $crate::given::keep($call);
            }
            $name
        }),*];
    };
}

/// The sizes of structures, without the storage that they are given.
macro_rules! sizes {
    ($($name:literal: $type:ty;)*) => {
        #[used]
        #[unsafe(link_section = ".ram_sizes")]
        static SIZES: [([u8; 28], u32); [$($name),*].len()] = [$((
            {
                let (mut padded, name, mut i) = ([b' '; 28], $name.as_bytes(), 0);
                while i < name.len() {
                    padded[i] = name[i];
                    i += 1;
                }
                padded
            },
            size_of::<$type>() as u32,
        )),*];
    };
}

pub mod change;
pub mod connection;
pub mod decimal;
pub mod dedupe;
pub mod definition;
pub mod distinct;
pub mod endpoints;
pub mod engine;
pub mod gauge;
pub mod gauged;
pub mod generate;
pub mod http;
pub mod journal;
pub mod leases;
pub mod log;
pub mod quantiles;
pub mod queue;
pub mod rate;
pub mod reader;
pub mod ring;
pub mod select;
pub mod shared;
pub mod sketch;
pub mod stats;
pub mod streams;
pub mod text;
pub mod topic;
