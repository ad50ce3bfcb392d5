//! A graph as text: for people, and for other programs.

use std::fmt::Write as _;

use streamgauge_core::stats::graph::{Direction, Edge};
use streamgauge_core::stats::space_saving::Counted;

use crate::commands::number::grouped;
use crate::results::tally::WeightedEdges;
use crate::terminal::display::printable;
use crate::terminal::json::string;

type Edges<'g> = &'g [Counted<Edge<Box<str>>>];

/// Right-aligned weights, and what became of the records.
pub(super) fn table(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let width = terminal_size::terminal_size_of(std::io::stdout()).map_or(usize::MAX, |(width, _)| width.0.into());
    let weight = |edge: &Counted<_>| {
        let error = if edge.error > 0 { format!(" (-{})", grouped(edge.error)) } else { String::new() };
        format!("{}{error}", grouped(edge.weight))
    };
    let weights: Vec<_> = edges.iter().map(weight).collect();
    let column = weights.iter().map(String::len).max().unwrap_or(0).max("weight".len());
    let arrow = if graph.direction == Direction::Directed { "->" } else { "--" };
    let room = width.saturating_sub(column + arrow.len() + 4).max(24);
    let mut out = format!("{:>column$}  from {arrow} to\n", "weight");
    for (edge, weight) in edges.iter().zip(&weights) {
        let (from, to) = (printable(&edge.key.from), printable(&edge.key.to));
        // What one name doesn't need is the other's.
        let from_room = (room / 2).max(room.saturating_sub(to.chars().count()));
        let from = shorten(&from, from_room);
        let to = shorten(&to, room.saturating_sub(from.chars().count()));
        let _ = writeln!(out, "{weight:>column$}  {from} {arrow} {to}");
    }
    let counters = graph.counters;
    let _ = write!(out, "{} edges", grouped(graph.edges.len() as u64));
    if edges.len() < graph.edges.len() {
        let _ = write!(out, " ({} shown)", grouped(edges.len() as u64));
    }
    let _ = write!(out, " of {} records", grouped(counters.records));
    for (number, what) in [
        (counters.heartbeats, "heartbeats"),
        (counters.missing, "without one of the fields"),
        (counters.not_json, "no JSON"),
        (counters.too_long, "with too long a name"),
    ] {
        if number > 0 {
            let _ = write!(out, ", {} {what}", grouped(number));
        }
    }
    out.push('\n');
    if graph.floor > 0 {
        let floor = grouped(graph.floor);
        let _ = writeln!(out, "(-N): the weight may be too large by N; edges that are not kept weigh at most {floor}");
    }
    out
}

/// `from TAB to TAB weight`, and the error of the weight where there can be one. Tab, newline, return and backslash in
/// a name are written as in C.
pub(super) fn edges(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let escape = |name: &str| name.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r");
    let mut out = String::new();
    for edge in edges {
        let _ = write!(out, "{}\t{}\t{}", escape(&edge.key.from), escape(&edge.key.to), edge.weight);
        if graph.floor > 0 {
            let _ = write!(out, "\t{}", edge.error);
        }
        out.push('\n');
    }
    out
}

/// For graphviz. In its strings only a quote needs a backslash, and a backslash in front of one would lose it. What is
/// behind U+0000 it doesn't read.
pub(super) fn dot(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let (kind, arrow) = match graph.direction {
        Direction::Directed => ("digraph", "->"),
        Direction::Undirected => ("graph", "--"),
    };
    let escape = |name: &str| name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let quoted = |name: &str| format!("\"{}\"", escape(name).replace('\0', "\u{fffd}"));
    let mut out = format!("{kind} {{\n");
    for edge in edges {
        let (from, to, weight) = (quoted(&edge.key.from), quoted(&edge.key.to), edge.weight);
        let _ = write!(out, "  {from} {arrow} {to} [weight={weight}, label=\"{weight}\"");
        if edge.error > 0 {
            let _ = write!(out, ", error={}", edge.error);
        }
        out.push_str("];\n");
    }
    out.push_str("}\n");
    out
}

/// GraphML 1.0. A node has its name as data: as an id, two would be one where XML can't have what tells them apart.
pub(super) fn graphml(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let direction = if graph.direction == Direction::Directed { "directed" } else { "undirected" };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n\
         <key id=\"name\" for=\"node\" attr.name=\"name\" attr.type=\"string\"/>\n\
         <key id=\"weight\" for=\"edge\" attr.name=\"weight\" attr.type=\"long\"/>\n\
         <key id=\"error\" for=\"edge\" attr.name=\"error\" attr.type=\"long\"/>\n\
         <graph edgedefault=\"{direction}\">\n"
    );
    let nodes = nodes(edges);
    for (number, name) in nodes.iter().enumerate() {
        let _ = writeln!(out, "<node id=\"n{number}\"><data key=\"name\">{}</data></node>", xml(name));
    }
    let number = |name: &str| nodes.binary_search(&name).unwrap_or_else(|place| place);
    for edge in edges {
        let (from, to) = (number(&edge.key.from), number(&edge.key.to));
        let _ = write!(out, "<edge source=\"n{from}\" target=\"n{to}\"><data key=\"weight\">{}</data>", edge.weight);
        if edge.error > 0 {
            let _ = write!(out, "<data key=\"error\">{}</data>", edge.error);
        }
        out.push_str("</edge>\n");
    }
    out.push_str("</graph>\n</graphml>\n");
    out
}

/// Node-link: d3 takes it as it is, networkx by `node_link_graph(data, edges="links")`.
pub(super) fn json(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let counters = graph.counters;
    let mut out = format!(
        "{{\"directed\":{},\"multigraph\":false,\"graph\":{{\"records\":{},\"heartbeats\":{},\"missing\":{},\
         \"not_json\":{},\"too_long\":{},\"floor\":{}}},\"nodes\":[",
        graph.direction == Direction::Directed,
        counters.records,
        counters.heartbeats,
        counters.missing,
        counters.not_json,
        counters.too_long,
        graph.floor
    );
    for (at, name) in nodes(edges).into_iter().enumerate() {
        let _ = write!(out, "{}{{\"id\":{}}}", comma(at), string(name));
    }
    out.push_str("],\"links\":[");
    for (at, edge) in edges.iter().enumerate() {
        let (from, to) = (string(&edge.key.from), string(&edge.key.to));
        let _ = write!(out, "{}{{\"source\":{from},\"target\":{to},\"weight\":{}", comma(at), edge.weight);
        if graph.floor > 0 {
            let _ = write!(out, ",\"error\":{}", edge.error);
        }
        out.push('}');
    }
    out.push_str("]}\n");
    out
}

const fn comma(at: usize) -> &'static str {
    if at == 0 { "" } else { "," }
}

/// Every node once, in the order of the alphabet.
pub(super) fn nodes(edges: Edges<'_>) -> Vec<&str> {
    let mut nodes: Vec<&str> = edges.iter().flat_map(|edge| [&*edge.key.from, &*edge.key.to]).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Text in XML, or in an attribute of it; what XML can't have in it becomes U+FFFD.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => drop(write!(out, "&#{};", u32::from(c))),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// At most so many characters: what is left out in the middle is "…".
pub(super) fn shorten(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let kept = most.saturating_sub(1);
    let (front, back) = (kept - kept / 3, kept / 3);
    name.chars().take(front).chain(['…']).chain(name.chars().skip(length - back)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tally::GraphTally;
    use crate::results::tally::Tally as _;

    fn graph(direction: Direction, most: usize) -> WeightedEdges {
        let mut tally = GraphTally::bounded(direction, most).unwrap();
        let nasty = "<\"&'\\\t\u{1}>";
        for (from, to, weight) in [("b", "a", 2), ("a", "b", 1), ("a", "c", 2), (nasty, "a", 1)] {
            tally.add(from.into(), to.into(), weight);
        }
        tally.total()
    }

    #[test]
    fn edges_are_sorted_and_escaped() {
        let directed = graph(Direction::Directed, 9);
        let expected = "a\tc\t2\nb\ta\t2\n<\"&'\\\\\\t\u{1}>\ta\t1\na\tb\t1\n";
        assert_eq!(edges(&directed, &directed.edges), expected);
        let undirected = graph(Direction::Undirected, 9);
        assert_eq!(edges(&undirected, undirected.heaviest(2)), "a\tb\t3\na\tc\t2\n");
    }

    #[test]
    fn a_bounded_graph_shows_its_errors() {
        let graph = graph(Direction::Directed, 2);
        let text = edges(&graph, &graph.edges);
        assert!(text.lines().all(|line| line.split('\t').count() == 4), "{text}");
        assert!(table(&graph, &graph.edges).contains("may be too large"));
        assert!(json(&graph, &graph.edges).contains("\"error\":"));
    }

    #[test]
    fn every_format_escapes() {
        let graph = graph(Direction::Directed, 9);
        let dot = dot(&graph, &graph.edges);
        assert!(dot.contains("  \"<\\\"&'\\\\\t\u{1}>\" -> \"a\" [weight=1, label=\"1\"];\n"), "{dot}");
        let xml = graphml(&graph, &graph.edges);
        let nodes = [("n0", "&lt;&quot;&amp;'\\&#9;\u{fffd}&gt;"), ("n1", "a"), ("n2", "b"), ("n3", "c")];
        for (id, name) in nodes {
            assert!(
                xml.contains(&format!("<node id=\"{id}\"><data key=\"name\">{name}</data></node>\n")),
                "{id}: {xml}"
            );
        }
        assert!(xml.contains("<edge source=\"n2\" target=\"n1\"><data key=\"weight\">2</data></edge>"), "{xml}");
        let json: serde_json::Value = serde_json::from_str(&json(&graph, &graph.edges)).unwrap();
        assert_eq!(json["links"][0]["source"], "a");
        assert_eq!(json["nodes"][0]["id"], "<\"&'\\\t\u{1}>");
    }

    #[test]
    fn graphviz_gets_no_end_of_a_text() {
        let mut tally = GraphTally::bounded(Direction::Directed, 9).unwrap();
        tally.add("a\0b".into(), "c".into(), 1);
        let graph = tally.total();
        assert!(dot(&graph, &graph.edges).contains("\"a\u{fffd}b\" -> \"c\""));
    }

    #[test]
    fn nodes_that_xml_can_not_tell_apart_are_two() {
        let mut tally = GraphTally::bounded(Direction::Directed, 9).unwrap();
        tally.add("\u{1}".into(), "\u{2}".into(), 1);
        let graph = tally.total();
        let xml = graphml(&graph, &graph.edges);
        assert!(xml.contains("<node id=\"n0\">") && xml.contains("<node id=\"n1\">"), "{xml}");
        assert!(xml.contains("<edge source=\"n0\" target=\"n1\">"), "{xml}");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten("abcdefghij", 7), "abcd…ij");
        assert_eq!(shorten("abc", 3), "abc");
    }
}
