//! No panic is reachable in the core, checked by the linker; and what its parts cost, printed.
//!
//! The programs in `tests/linkcheck` link only if they contain no panic. Two of them parse HTTP heads with httparse, and
//! one writes texts with serde-json-core: each of those has one bounds check that can't fail and that the compiler does
//! not see through ([`EXEMPT`]). They are linked with their relocations, and every other function in them is searched for
//! a way to a panic.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use object::read::elf::ElfFile32;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind};

const TARGETS: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf"];
const PROGRAMS: [&str; 22] = [
    "decimal",
    "dedupe",
    "distinct",
    "log",
    "queue",
    "leases",
    "topic",
    "text",
    "streams",
    "engine",
    "journal",
    "endpoints",
    "stats",
    "sketch",
    "quantiles",
    "rate",
    "change",
    "ring",
    "shared",
    "reader",
    "select",
    "generate",
];
const WITH_EXEMPT: [&str; 5] = ["http", "connection", "definition", "gauge", "gauged"];

/// httparse trims a field's value to `[0..last_visible + 1]`, where `last_visible` is an index that `rposition` found in
/// it; serde-json-core, called by the second, indexes its room where there is some, if adding four bytes at most to what
/// is written has not overflown.
const EXEMPT: [&str; 2] = ["8httparse25parse_headers_iter_uninit", "10definition5write10serialized"];

#[test]
fn no_panic_is_reachable() {
    let mut table = String::from("text and read-only data, in bytes: each program has all functions of its part\n");
    table += &format!("{:<28}{:>10}{:>10}\n", "", "thumbv6m", "thumbv7em");
    let mut sizes: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    let mut structures: BTreeMap<String, u32> = BTreeMap::new();
    for (column, target) in TARGETS.into_iter().enumerate() {
        for program in PROGRAMS {
            let built = build("all", target, program, &[]);
            assert!(built.status.success(), "{target} {program}: {}", String::from_utf8_lossy(&built.stderr));
            let file = std::fs::read(binary("all", target, program)).unwrap();
            sizes.entry(program).or_default()[column] = code_size(&file);
            structures.extend(ram_sizes(&file));
        }
        for program in WITH_EXEMPT {
            let flags = ["-Clink-arg=--defsym=a_panic_is_reachable=0", "-Clink-arg=--emit-relocs"];
            let built = build("all", target, program, &flags);
            assert!(built.status.success(), "{target} {program}: {}", String::from_utf8_lossy(&built.stderr));
            let file = std::fs::read(binary("all", target, program)).unwrap();
            assert_eq!(culprits(&file), Vec::<String>::new(), "{target} {program}");
            sizes.entry(program).or_default()[column] = code_size(&file);
            structures.extend(ram_sizes(&file));
        }
    }
    for program in PROGRAMS.iter().chain(&WITH_EXEMPT) {
        let [v6m, v7em] = sizes[program];
        table += &format!("{program:<28}{v6m:>10}{v7em:>10}\n");
    }
    table += "RAM of each structure beside its storage, in bytes\n";
    for (name, size) in &structures {
        table += &format!("{name:<28}{size:>10}\n");
    }
    // Past the harness, which keeps what passing tests print.
    std::io::stdout().write_all(table.as_bytes()).unwrap();
    says_the_same(&sizes, &structures);
}

/// The table of the page on embedding is off by a twentieth at most, and by nothing in the structures that it names.
fn says_the_same(sizes: &BTreeMap<&str, [u64; 2]>, structures: &BTreeMap<String, u32>) {
    let page = std::fs::read_to_string(workspace().join("host-std/docs/embed.md")).unwrap();
    let number = |text: &str| text.replace(',', "").parse::<u64>().expect("a size");
    let mut wrong = Vec::new();
    for (program, part) in [
        ("queue", "queue"),
        ("topic", "fan-out"),
        ("dedupe", "ids accepted once"),
        ("shared", "shared forms"),
        ("ring", "interrupt ring"),
        ("streams", "decoders and encoders of streams"),
        ("text", "query, percent-coding, splitting"),
        ("decimal", "numbers as text"),
        ("leases", "queue with leases"),
        ("engine", "memory engine"),
        ("journal", "memory engine, executed again, saved and restored"),
        ("endpoints", "endpoints"),
        ("connection", "HTTP over embedded-io"),
        ("http", "HTTP client side"),
        ("stats", "moments"),
        ("sketch", "histograms, heavy hitters, graph"),
        ("quantiles", "quantiles"),
        ("distinct", "distinct items"),
        ("rate", "rates"),
        ("change", "changes"),
        ("definition", "definitions of gauges"),
        ("gauge", "gauges, with all measures and forms"),
        ("gauged", "gauges in blocks, served and shared"),
        ("reader", "reader"),
        ("select", "field selection"),
        ("generate", "random numbers"),
    ] {
        let row = page.lines().find_map(|line| line.strip_prefix(&format!("| {part} | ")));
        let row = row.unwrap_or_else(|| panic!("the page on embedding has no row for {part}"));
        let columns: Vec<&str> = row.split(" | ").collect();
        for (said, size) in columns[..2].iter().map(|said| number(said)).zip(sizes[program]) {
            if said.abs_diff(size) * 20 > size {
                wrong.push(format!("{said} for {part}, and it is {size}"));
            }
        }
        // As in "`Memory` 6,888 of 4 names"; what has no ticks is a part of another.
        for named in columns[2].split(['|', ';']).flat_map(|named| named.split(", ")) {
            let Some((name, said)) = named.trim().strip_prefix('`').and_then(|named| named.split_once("` ")) else {
                continue;
            };
            let said = number(said.split(' ').next().unwrap_or_default());
            let is_it = |whole: &str| {
                let of = whole.split_once(": ").and_then(|(_, structure)| structure.strip_prefix(name));
                of.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            };
            let found: Vec<_> = structures.iter().filter(|(whole, _)| is_it(whole)).collect();
            if !found.iter().any(|(_, size)| u64::from(**size) == said) {
                wrong.push(format!("{said} for {name}, and it is {found:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "what the page on embedding says");
}

/// The check itself: one index that may be out of bounds, and nothing links; and the search finds it too.
#[test]
fn one_panic_is_seen() {
    for target in TARGETS {
        let built = build("control", target, "log", &["--cfg", "feature=\"panic\""]);
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(!built.status.success() && said.contains("undefined symbol: a_panic_is_reachable"), "{target}: {said}");
        let flags =
            ["--cfg", "feature=\"panic\"", "-Clink-arg=--defsym=a_panic_is_reachable=0", "-Clink-arg=--emit-relocs"];
        assert!(build("control", target, "connection", &flags).status.success());
        let file = std::fs::read(binary("control", target, "connection")).unwrap();
        assert_eq!(culprits(&file), ["_start"], "{target}");
    }
}

/// Every public function of the core is called from a root: its name occurs there as a call. (That those of the same
/// name are all called, on each of their types, is for people to see.)
#[test]
fn no_function_is_forgotten() {
    let workspace = workspace();
    let mut roots = String::new();
    for file in rust_files(&workspace.join("tests/linkcheck/src/roots")) {
        roots += &std::fs::read_to_string(file).unwrap();
    }
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in rust_files(&workspace.join("core/src")) {
        let source = std::fs::read_to_string(&file).unwrap();
        for line in source.split("#[cfg(test)]").next().unwrap_or_default().lines() {
            let Some(rest) = line.trim_start().strip_prefix("pub ") else { continue };
            let rest = rest.strip_prefix("const ").unwrap_or(rest);
            let rest = rest.strip_prefix("async ").unwrap_or(rest);
            let Some(rest) = rest.strip_prefix("fn ") else { continue };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            seen += 1;
            let is_called = [format!("{name}("), format!("{name}::<")]
                .iter()
                .any(|call| roots.match_indices(call).any(|(at, _)| roots[..at].ends_with(['.', ':', ' ', '('])));
            if !is_called {
                missing.push(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} public functions were found");
    let folder = std::fs::read_dir(workspace.join("tests/linkcheck/src/bin")).unwrap();
    let programs = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let checked = PROGRAMS.into_iter().chain(WITH_EXEMPT).map(str::to_owned);
    assert_eq!(programs.collect::<BTreeSet<_>>(), checked.collect(), "a program is built and not checked");
    assert_eq!(missing, Vec::<String>::new());
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A folder for each test: they run at the same time.
fn target_dir(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("linkcheck").join(test)
}

fn binary(test: &str, target: &str, program: &str) -> PathBuf {
    target_dir(test).join(target).join("release").join(program)
}

fn build(test: &str, target: &str, program: &str, flags: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--release", "--locked", "--target", target, "--bin", program, "--target-dir"])
        .arg(target_dir(test))
        .arg("--")
        .args(flags)
        .current_dir(workspace().join("tests/linkcheck"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap()
}

fn code_size(file: &[u8]) -> u64 {
    let elf = ElfFile32::<object::Endianness>::parse(file).unwrap();
    let kept = |kind| matches!(kind, SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::ReadOnlyString);
    let sections = elf.sections().filter(|section| kept(section.kind()));
    // Unwinding tables are not loaded by firmware, and the sizes are only for this check.
    let counted = sections.filter(|section| !section.name().unwrap_or_default().starts_with(".ARM"));
    let counted = counted.filter(|section| section.name() != Ok(".ram_sizes"));
    counted.map(|section| section.size()).sum()
}

fn ram_sizes(file: &[u8]) -> Vec<(String, u32)> {
    let elf = ElfFile32::<object::Endianness>::parse(file).unwrap();
    let Some(section) = elf.section_by_name(".ram_sizes") else { return Vec::new() };
    let record = |bytes: &[u8]| {
        let (name, size) = bytes.split_at(28);
        let size = u32::from_le_bytes(size.try_into().unwrap());
        (String::from_utf8_lossy(name).trim_end().to_owned(), size)
    };
    section.data().unwrap().chunks_exact(32).map(record).collect()
}

/// Functions from which a panic is reachable, but for those of `core` itself, for [`EXEMPT`], and for what only
/// reaches one through it.
fn culprits(file: &[u8]) -> Vec<String> {
    let elf = ElfFile32::<object::Endianness>::parse(file).unwrap();
    let is_function =
        |symbol: &object::read::elf::ElfSymbol32<'_, '_>| symbol.kind() == SymbolKind::Text && symbol.size() > 0;
    // The lowest bit of an address says that it is Thumb code.
    let functions: BTreeMap<u64, (u64, String)> = elf
        .symbols()
        .filter(is_function)
        .map(|symbol| (symbol.address() & !1, (symbol.size(), symbol.name().unwrap().to_owned())))
        .collect();
    let function_at = |address: u64| {
        let (start, (size, name)) = functions.range(..=address & !1).next_back()?;
        (address < start + size).then_some(name.as_str())
    };
    let in_core = |name: &str| {
        name.contains("4core9panicking") || name.contains("4core5slice5index") || name.contains("rust_begin_unwind")
    };
    let is_exempt = |name: &str| EXEMPT.iter().any(|exempt| name.contains(exempt));
    let mut callers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let (mut edges, mut exempt) = (0, 0);
    for section in elf.sections() {
        for (at, relocation) in section.relocations() {
            let object::RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let symbol = elf.symbol_by_index(index).unwrap();
            let Some(caller) = function_at(at) else { continue };
            let callee = match function_at(symbol.address()) {
                Some(function) if symbol.kind() != SymbolKind::Section => function,
                _ => symbol.name().unwrap_or_default(),
            };
            exempt += usize::from(is_exempt(caller) && in_core(callee));
            callers.entry(callee.to_owned()).or_default().insert(caller);
            edges += 1;
        }
    }
    assert!(edges > 20, "only {edges} relocations were found");
    assert!(exempt <= 1, "{EXEMPT:?} have {exempt} ways to a panic");
    let (mut found, mut left) = (BTreeSet::new(), vec!["a_panic_is_reachable"]);
    while let Some(callee) = left.pop() {
        for caller in callers.get(callee).into_iter().flatten() {
            if !is_exempt(caller) && found.insert(*caller) {
                left.push(caller);
            }
        }
    }
    assert!(found.iter().any(|name| in_core(name)), "the panic handler was not found: {found:?}");
    found.into_iter().filter(|name| !in_core(name)).map(str::to_owned).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}
