//! Whatever can be read is shown as a file that says the same.

use crate::commands::serve;
use crate::operations::configuration::{Configuration, Sources};

/// Reads a file, as a fuzzer writes it: it is refused in lines, or it is shown as another one that says the same.
///
/// # Panics
/// When it is neither.
pub fn is_read_and_shown(text: &[u8]) {
    let sources = Sources::default();
    let read = |text: &[u8]| Configuration::of::<serve::Options>(&sources, Some(("file", text)));
    match read(text) {
        Err(wrong) => {
            assert!(!wrong.is_empty(), "it is refused, and nothing is wrong");
            for line in wrong.iter().map(ToString::to_string) {
                assert!(line.starts_with("file:") && !line.contains('\n'), "{line:?}");
            }
        }
        Ok(configuration) => {
            let _ = configuration.options::<serve::Options>();
            let shown = configuration.toml();
            let again = read(shown.as_bytes()).unwrap_or_else(|wrong| panic!("{shown}\n{wrong:?}"));
            let is_same = again.declared.len() == configuration.declared.len()
                && again.declared.iter().zip(&configuration.declared).all(|(again, first)| again.is_like(first));
            assert!(is_same, "{shown}");
            // A password is not shown, and so can't be read again.
            if !shown.contains("(not shown)") {
                assert_eq!(again.changed_since(&configuration).count(), 0, "{shown}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_read_and_shown;

    #[test]
    fn what_is_shown_says_the_same() {
        for text in [
            "",
            "[server]\nmax-depth = 7\nno-bridge = true\njwt-audience = ['a', \"b\\u007f\\\"\"]\nheader-timeout = 0.5\n",
            "[server]\nmget-item-sep = \"\\n\\t\"\nengine = \"nats://c\"\n[queues.'a.b']\nfilter = ['a:1']\nlease = 1.5\n",
            "server.address = '::'\ntopics.t = {bytes = '1MiB'}\n",
            "[gauges.g]\ntopic = 't'\n",
            "[tokens.t]\nhash = 'sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'\n\
             rights = 'sub:* pub:a'\nexpires = 2037-01-31T12:00:00Z\nbytes = '1MiB/s'\n",
            "[server]\nmax-depth = -1",
            "x",
            "[server]\n\"a\\nb\" = 1",
        ] {
            is_read_and_shown(text.as_bytes());
        }
        is_read_and_shown(b"\xff");
    }
}
