//! The tools, built the way the running test was built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the tool `name` is. The first call builds all of them, with the profile and in the target folder of this
/// test, so that `cargo test` needs nothing but Rust. Where `STREAMGAUGE_BUILT` is set they are there: a `cargo test` of
/// the whole workspace has built them, and this package alone would have them built with other features again.
///
/// # Panics
/// When cargo can't build them.
pub fn tool(name: &str) -> PathBuf {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(build).as_ref().expect("cargo can build the tools: see above").join(name)
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn build() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("the path of this test");
    // TARGET[/TRIPLE]/PROFILE/deps/TEST
    let folder = test.ancestors().nth(2).expect("a test lies in its profile's folder").to_owned();
    if std::env::var_os("STREAMGAUGE_BUILT").is_some() {
        return Some(folder);
    }
    // Cargo marks the target folders that it has made; one that was there before has no mark, and no triple either.
    let target = folder.ancestors().find(|above| above.join("CACHEDIR.TAG").exists());
    let target = target.or(folder.parent()).expect("a profile's folder lies in a target folder");
    let inner: Vec<_> = folder.strip_prefix(target).expect("an ancestor").iter().collect();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    cargo.current_dir(workspace()).args([
        "build",
        "--quiet",
        "--package",
        "streamgauge",
        "--bins",
        "--examples",
        "--target-dir",
    ]);
    cargo.arg(target);
    let (triple, profile) = match inner[..] {
        [profile] => (None, profile),
        [triple, profile] => (Some(triple), profile),
        _ => panic!("{} is no folder of a profile", folder.display()),
    };
    if let Some(triple) = triple {
        cargo.arg("--target").arg(triple);
    }
    cargo.arg("--profile").arg(if profile == "debug" { "dev".as_ref() } else { profile });
    // What cargo tells this test of its own package: the script of ring would take it for a change, and all that stands on
    // ring would be built again.
    let of_this_package = |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_package)) {
        cargo.env_remove(name);
    }
    let built = cargo.status().expect("cargo starts");
    built.success().then_some(folder)
}
