//! What a process has to do as the one before it did, to go on with what that held.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What the new process has to do as the old one did, to go on with what that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) kept: Kept,
    pub(crate) shards: u64,
    /// Bytes that topics and queues may hold.
    pub(crate) memory: u64,
    pub(crate) max_names: u64,
}

/// Where topics and queues are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    Memory,
    /// In the folder that has this number on the device of that one, whatever its path; none has two zeros.
    Folder(u64, u64),
    /// With the gateways of the group of that name, at whichever servers.
    Engine(String),
}

/// How terms are written. A program that writes them in another way, or hands over in another one, has another number.
const FORM: &str = "3";

impl Kept {
    /// In a folder, which may not be there yet.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        folder.metadata().map_or(Self::Folder(0, 0), |found| Self::Folder(found.dev(), found.ino()))
    }
}

impl Terms {
    /// Whether a process with these terms can go on with what one has held that had the `others`.
    pub(super) fn follow(&self, others: &Self) -> Result<(), String> {
        match (&self.kept, &others.kept) {
            (Kept::Engine(own), Kept::Engine(its)) if own != its => {
                return Err(format!("it is of the group {its} (--engine-group), and this one would be of {own}"));
            }
            (Kept::Engine(group), Kept::Engine(_)) => {
                for (flag, own, its) in self.room_beside(others) {
                    if own != its {
                        return Err(format!("the group {group} was begun with {flag} {its}, and this one has {own}"));
                    }
                }
                return Ok(());
            }
            (Kept::Folder(..), Kept::Folder(..)) if self.kept != others.kept => {
                return Err("it keeps all in another folder (--data-dir) than this one would".to_owned());
            }
            (own, its) if own != its => return Err(format!("it keeps {its}, and this one would {own}")),
            _ => {}
        }
        if self.shards != others.shards {
            return Err(format!("it has --shards {}, and this one {}", others.shards, self.shards));
        }
        for (flag, own, its) in self.room_beside(others) {
            if own < its {
                return Err(format!("it has {flag} {its}, and what it holds may not fit into {own}"));
            }
        }
        Ok(())
    }

    /// What may be held, by its flag, beside what the others may hold.
    const fn room_beside(&self, others: &Self) -> [(&'static str, u64, u64); 2] {
        [("--memory", self.memory, others.memory), ("--max-names", self.max_names, others.max_names)]
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(FORM)?.strip_prefix(' ')?.split(' ');
        let kept = words.next()?;
        let group = if kept == "engine" { words.next()? } else { "" };
        let mut number = || words.next()?.parse().ok();
        let kept = match kept {
            "memory" => Kept::Memory,
            "folder" => Kept::Folder(number()?, number()?),
            "engine" => Kept::Engine(group.to_owned()),
            _ => return None,
        };
        Some(Self { kept, shards: number()?, memory: number()?, max_names: number()? })
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, shards, memory, max_names } = self;
        match kept {
            Kept::Memory => write!(f, "{FORM} memory")?,
            Kept::Folder(device, number) => write!(f, "{FORM} folder {device} {number}")?,
            Kept::Engine(group) => write!(f, "{FORM} engine {group}")?,
        }
        write!(f, " {shards} {memory} {max_names}")
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "all in memory",
            Self::Folder(..) => "all in a folder (--data-dir)",
            Self::Engine(_) => "all in an engine (--engine)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { kept: Kept::Memory, shards: 2, memory: 1 << 30, max_names: 20_000 };

    #[test]
    fn terms_are_read_as_they_are_written() {
        for kept in [Kept::Memory, Kept::Folder(2_050, 17), Kept::Engine("orders".to_owned())] {
            let terms = Terms { kept, ..TERMS };
            assert_eq!(Terms::parse(&terms.to_string()), Some(terms));
        }
        for wrong in [
            "",
            "3",
            "3 memory",
            "3 disk 1 2 3",
            "3 memory 1 2",
            "3 memory a 2 3",
            "memory 1 2 3",
            "3 folder 1 2 3",
            "3 engine 1 2 3",
        ] {
            assert_eq!(Terms::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn who_has_less_room_can_not_go_on() {
        for kept in [Kept::Memory, Kept::Folder(1, 1)] {
            let terms = Terms { kept, ..TERMS };
            let follows = |own: Terms| own.follow(&terms).is_ok();
            let with = || terms.clone();
            assert!(follows(with()));
            assert!(follows(Terms { memory: 2 << 30, max_names: 30_000, ..with() }), "more is enough");
            assert!(!follows(Terms { memory: (1 << 30) - 1, ..with() }));
            assert!(!follows(Terms { max_names: 19_999, ..with() }));
            assert!(!follows(Terms { shards: 1, ..with() }), "what a shard holds is its own");
            assert!(!follows(Terms { kept: Kept::Folder(1, 2), ..with() }), "what is kept is elsewhere");
        }
    }

    #[test]
    fn all_of_a_group_have_the_same_room() {
        let engine = || Terms { kept: Kept::Engine("orders".to_owned()), ..TERMS };
        let refused = |own: Terms| own.follow(&engine()).err().unwrap_or_default();
        assert_eq!(refused(engine()), "");
        for (flag, own) in [
            ("--memory 1073741824", Terms { memory: 2 << 30, ..engine() }),
            ("--max-names 20000", Terms { max_names: 30_000, ..engine() }),
            ("--engine-group", Terms { kept: Kept::Engine("others".to_owned()), ..engine() }),
            ("all in an engine", Terms { kept: Kept::Memory, ..engine() }),
        ] {
            assert!(refused(own).contains(flag), "{flag}");
        }
    }

    #[test]
    fn a_folder_is_the_same_whatever_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert_eq!(Kept::in_folder(&link), Kept::in_folder(folder.path()));
        assert_eq!(Kept::in_folder(&folder.path().join("none")), Kept::Folder(0, 0));
    }
}
