//! The lines to type on a page, and whether what they print is what it says.

/// A command line and what it prints.
#[derive(Debug)]
pub(crate) struct Exercise {
    pub(crate) command: String,
    pub(crate) output: String,
    pub(crate) checked: Checked,
}

/// How an output is compared, as the page says it in front of a block: `<!-- checked: soon -->`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked {
    /// It says so in a while, and may be asked until it does.
    pub(crate) soon: bool,
    /// It depends on which clicks there are.
    pub(crate) counts_clicks: bool,
    /// Chance or time decides, and only the form is compared.
    form: Option<fn(&str) -> bool>,
}

impl Checked {
    fn parse(marks: &str) -> Self {
        let mut checked = Self::default();
        for mark in marks.split(", ") {
            match mark {
                "soon" => checked.soon = true,
                "clicks" => checked.counts_clicks = true,
                "who" => checked.form = Some(each_once),
                "race" => checked.form = Some(counted),
                "quarter" => checked.form = Some(is_a_quarter),
                other => panic!("nobody knows how to check `{other}`"),
            }
        }
        checked
    }

    /// Whether what was printed is what the page says.
    pub(crate) fn as_said(&self, expected: &str, printed: &str) -> bool {
        match self.form {
            // Setting up prints what it prints.
            Some(form) if !expected.is_empty() && expected != "OK" => form(expected) && form(printed),
            _ => says(expected, printed),
        }
    }
}

/// The lines behind `$ ` in blocks of `console`, with those behind `> ` that go on, and what follows up to the next.
pub(crate) fn of(page: &str) -> Vec<Exercise> {
    let mut found: Vec<Exercise> = Vec::new();
    let (mut checked, mut inside) = (Checked::default(), false);
    for line in page.lines() {
        if let Some(marks) = line.strip_prefix("<!-- checked: ") {
            checked = Checked::parse(marks.strip_suffix(" -->").unwrap_or(marks));
        } else if line.starts_with("```") {
            inside = line == "```console";
            if line == "```" {
                checked = Checked::default();
            }
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            found.push(Exercise { command: command.to_owned(), output: String::new(), checked: checked.clone() });
        } else if let Some(exercise) = found.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if exercise.output.is_empty() => exercise.command += &format!("\n{more}"),
                _ if exercise.output.is_empty() => exercise.output = line.to_owned(),
                _ => exercise.output += &format!("\n{line}"),
            }
        }
    }
    found
}

/// Whether it is the same, where `…` stands for anything.
pub(crate) fn says(expected: &str, printed: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|start| printed.strip_prefix(start)) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

/// `A got 1` up to 12, by more than one reader.
fn each_once(lines: &str) -> bool {
    let got: Vec<_> = lines.lines().filter_map(|line| line.split_once(" got ")).collect();
    let Some((first, _)) = got.first() else { return false };
    let others = got.iter().any(|(who, _)| who != first);
    let all = got.iter().all(|(who, _)| ["A", "B", "C"].contains(who));
    all && others && got.iter().map(|(_, number)| *number).eq((1..=12).map(|n| n.to_string()))
}

/// Some of a hundred were lost, and some were not.
fn counted(number: &str) -> bool {
    number.parse().is_ok_and(|number: u32| (1..100).contains(&number))
}

/// Five deviations on either side of a quarter of 1000.
fn is_a_quarter(status: &str) -> bool {
    let taken = status.strip_prefix("read: 1000 items: ").and_then(|rest| rest.split_once(" finished, "));
    let Some((finished, rest)) = taken else { return false };
    let Some((dropped, _)) = rest.split_once(" dropped; print: ") else { return false };
    let (Ok(finished), Ok(dropped)) = (finished.parse::<u32>(), dropped.parse::<u32>()) else { return false };
    (180..320).contains(&finished) && finished + dropped == 1000
}
