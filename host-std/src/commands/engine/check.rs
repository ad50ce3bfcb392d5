//! Whether an engine will do.

use std::process::ExitCode;

use crate::engine::remote::Settings;
use crate::terminal::StartError;
#[cfg(feature = "nats")]
use crate::terminal::{output, say};

#[cfg(not(feature = "nats"))]
pub(super) fn run(_: &Settings) -> Result<ExitCode, StartError> {
    Err(StartError::new("this program was built without engines: cargo build --release --features nats"))
}

/// Says what is there, and what is wrong.
#[cfg(feature = "nats")]
pub(super) fn run(settings: &Settings) -> Result<ExitCode, StartError> {
    use crate::engine::remote::nats::{LEAST_PAYLOAD, look};

    let found = crate::terminal::runtime()?.block_on(look(settings)).map_err(StartError::new)?;
    let mut wrong = Vec::new();
    let cluster = found.cluster.as_ref().map_or("none: what is kept is lost with one machine".to_owned(), Clone::clone);
    let mut lines = vec![format!("nats-server  {}", found.version)];
    lines.push(format!("cluster      {cluster}"));
    lines.push(format!("max_payload  {} bytes: no request is longer", found.max_payload));
    match &found.jetstream {
        Ok(()) => lines.push("jetstream    answers".to_owned()),
        Err(error) => {
            lines.push(format!("jetstream    does not answer: {error}"));
            wrong.push(
                "JetStream does not answer: nats-server needs -js, or jetstream {} in its configuration".to_owned(),
            );
        }
    }
    if let (Ok(()), Err(why)) = (&found.jetstream, &found.publishes) {
        wrong.push(why.clone());
    }
    if let Some(fault) = known_fault(&found.version) {
        wrong.push(format!("nats-server {} {fault}", found.version));
    }
    if found.max_payload < LEAST_PAYLOAD {
        wrong.push(format!("max_payload is {} bytes: at least {LEAST_PAYLOAD} are needed", found.max_payload));
    }
    if found.streams.iter().any(|(_, stream)| stream.is_none()) && found.servers < found.replicas {
        wrong.push(format!(
            "{} replicas are wanted (--replicas), and {} servers are known: nobody can make the streams",
            found.replicas, found.servers
        ));
    }
    for (name, stream) in &found.streams {
        let Some(stream) = stream else {
            lines.push(format!("{name:<12} is not there yet: the first gateway makes it"));
            continue;
        };
        let leader = stream.leader.as_deref().unwrap_or("-");
        let most = stream.most.map_or(String::new(), |most| format!(" of {most}"));
        lines.push(format!(
            "{name:<12} {} messages, {}{most} bytes; {} of {} replicas current; leader {leader}",
            stream.messages, stream.bytes, stream.current, stream.replicas
        ));
        wrong.extend(stream.other.as_ref().map(|why| format!("{name} is another stream: {why}")));
        // Where it is full, a message is missing to the last byte.
        if let Some(most) = stream.most.filter(|most| stream.bytes >= most - most / 20) {
            wrong.push(format!("{name} is full: {} of {most} bytes (--engine-bytes)", stream.bytes));
        }
        if stream.current * 2 <= stream.replicas {
            wrong.push(format!(
                "{name}: {} of {} replicas are current: nothing can be kept",
                stream.current, stream.replicas
            ));
        }
        if found.cluster.is_some() && stream.replicas == 1 {
            wrong.push(format!("{name} has one replica in a cluster: nats stream edit {name} --replicas 3"));
        }
    }
    if let Err(failure) = output::line(&lines.join("\n")) {
        return Ok(failure.exit());
    }
    for line in &wrong {
        say(format_args!("engine: {line}"));
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a version is known to do to a log.
#[cfg(feature = "nats")]
fn known_fault(version: &str) -> Option<&'static str> {
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    match (numbers.next()?, numbers.next()?, numbers.next()?) {
        (..2, ..) | (2, ..10, _) => {
            Some("keeps two logs that differ after a leader that stood still for seconds goes on: 2.15 does not")
        }
        (2, 10, 20..=22) => Some("loses streams when servers are killed (nats-server#6888)"),
        _ => None,
    }
}

#[cfg(all(test, feature = "nats"))]
mod tests {
    use super::known_fault;

    #[test]
    fn versions_that_harm_a_log_are_known() {
        let with_two_logs = |version| known_fault(version).is_some_and(|fault| fault.contains("two logs"));
        assert!(with_two_logs("2.9.10") && with_two_logs("1.4.1"));
        assert!(["2.10.20", "2.10.22"].iter().all(|version| known_fault(version).is_some()));
        assert!(["2.10.19", "2.10.23", "2.15.1", "2.16.0-dev", "3.0.0", "?"].iter().all(|v| known_fault(v).is_none()));
    }
}
