//! How much of its RAM the firmware has never touched: what is between its `static`s and the deepest that its stack was.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use object::read::elf::ElfFile32;
use object::{Object as _, ObjectSymbol as _};

use super::{Board, image};

/// Of the LM3S6965.
const RAM: u64 = 0x2000_0000;
const RAM_BYTES: usize = 64 << 10;
/// What has to be left for what no test does.
const RESERVE: usize = 1 << 10;

impl Drop for Board {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let ram = self.ram();
        let file = std::fs::read(image()).unwrap();
        let elf = ElfFile32::<object::Endianness>::parse(&*file).unwrap();
        let end =
            elf.symbols().find(|symbol| symbol.name() == Ok("__sheap")).expect("the end of all statics").address();
        // QEMU's RAM is full of zeros before anything is written to it.
        let above = &ram[usize::try_from(end - RAM).unwrap()..];
        let untouched = above.iter().take_while(|byte| **byte == 0).count();
        println!("static {} bytes, stack {}, untouched {untouched}", end - RAM, above.len() - untouched);
        assert!(untouched >= RESERVE, "the stack came as near as {untouched} bytes to the statics");
    }
}

impl Board {
    /// All of its RAM, as it is now.
    fn ram(&self) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut monitor = TcpStream::connect(self.monitor).unwrap();
        write!(monitor, "pmemsave {RAM} {RAM_BYTES} \"{}\"\nquit\n", file.path().display()).unwrap();
        // It ends when it has done both.
        let _ = monitor.read_to_end(&mut Vec::new());
        let ram = std::fs::read(file.path()).unwrap();
        assert_eq!(ram.len(), RAM_BYTES, "the monitor has saved the RAM");
        ram
    }
}
