//! What makes an exercise: a question, a hint, how one knows that one is done, the answer folded away, and why.

/// In their order, each at the beginning of a line.
const PARTS: [&str; 5] =
    ["**Hint.** ", "**You'll be done when** ", "<details><summary>Answer</summary>", "</details>", "**Why.** "];

/// What is missing in a chapter, where something is.
pub(crate) fn check(page: &str) -> Result<(), String> {
    let mut exercises = page.split("\n## ");
    let opening = exercises.next().unwrap_or_default();
    if opening.contains("```console") {
        return Err("something to type stands before the first exercise".to_owned());
    }
    let mut any = false;
    for exercise in exercises {
        any = true;
        let title = exercise.lines().next().unwrap_or_default();
        parts(exercise).map_err(|what| format!("{title}: {what}"))?;
    }
    if any { Ok(()) } else { Err("no exercises".to_owned()) }
}

fn parts(exercise: &str) -> Result<(), String> {
    let mut rest = exercise;
    for (at, part) in PARTS.iter().enumerate() {
        let Some((before, behind)) = rest.split_once(&format!("\n{part}")) else {
            return Err(format!("no `{part}`, or not in its place"));
        };
        match at {
            0 if !before.contains(['?', '.']) => return Err("asks nothing".to_owned()),
            // Markdown within HTML needs an empty line on either side.
            3 if !before.starts_with("\n\n") || !before.ends_with('\n') => {
                return Err("the answer has no empty lines around it".to_owned());
            }
            3 => {}
            _ if before.contains("```console") => return Err("something to type is not folded away".to_owned()),
            _ => {}
        }
        rest = behind;
    }
    if rest.contains("```console") { Err("something to type is not folded away".to_owned()) } else { Ok(()) }
}

#[test]
fn what_is_missing_is_said() {
    let whole = "# T\n\n## A\nWhat?\n\n**Hint.** H\n\n**You'll be done when** D\n\n<details><summary>Answer</summary>\n\n\
                 ```console\n$ x\n```\n\n</details>\n\n**Why.** W\n";
    assert_eq!(check(whole), Ok(()));
    for (from, to, what) in [
        ("**Hint.** H\n", "", "A: no `**Hint.** `, or not in its place"),
        ("Answer</summary>\n\n", "Answer</summary>\n", "A: the answer has no empty lines around it"),
        ("```\n\n</d", "```\n</d", "A: the answer has no empty lines around it"),
        ("What?", "```console\n$ x?\n```", "A: something to type is not folded away"),
        ("W\n", "\n```console\n$ x?\n```", "A: something to type is not folded away"),
        ("What?\n", "\n", "A: asks nothing"),
        ("\n## A", "\n```console\n$ x\n```\n\n## A", "something to type stands before the first exercise"),
    ] {
        assert_eq!(check(&whole.replacen(from, to, 1)), Err(what.to_owned()), "{from}");
    }
}
