//! A graph as a drawing, for light and dark pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fjadra::{Collide, Link, ManyBody, PositionX, PositionY, SimulationBuilder};
use streamgauge_core::stats::graph::{Direction, Edge};
use streamgauge_core::stats::space_saving::Counted;

use super::formats::{nodes, shorten, xml};
use crate::commands::number::grouped;
use crate::results::tally::WeightedEdges;

type Edges<'g> = &'g [Counted<Edge<Box<str>>>];

const STYLE: &str = "\
svg{font:11px system-ui,sans-serif;background:#fff}\
text{fill:#222;stroke:#fff;stroke-width:3px;paint-order:stroke;stroke-linejoin:round}\
.edge{fill:none;stroke:#8a94a6;stroke-opacity:.6}.head{fill:#8a94a6}.from{fill:#2a78d6}.to{fill:#d6672a}.node{stroke:#fff}\
@media(prefers-color-scheme:dark){svg{background:#16181c}text{fill:#e4e6ea;stroke:#16181c}.edge{stroke:#7c879a}\
.head{fill:#7c879a}.from{fill:#5aa2f0}.to{fill:#f0925a}.node{stroke:#16181c}}";

/// Room for a label on either side.
const MARGIN: f64 = 150.0;
/// Characters of a label.
const LABEL: usize = 34;

/// The whole file: where nothing starts is orange, everything else blue; areas and widths grow with the weight.
pub(super) fn svg(graph: &WeightedEdges, edges: Edges<'_>) -> String {
    let drawing = Drawing::new(edges);
    let (left, top, width, height) = drawing.frame();
    let directed = graph.direction == Direction::Directed;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left:.0} {top:.0} {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"Graph of {} edges\">\n<style>{STYLE}</style>\n",
        edges.len()
    );
    if directed {
        out.push_str(
            "<marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head\" d=\"M0 1L8 4L0 7z\"/></marker>\n",
        );
    }
    let heaviest = edges.iter().map(|edge| edge.weight).max().unwrap_or(1) as f64;
    for (edge, &(from, to)) in edges.iter().zip(&drawing.links) {
        let thick = 1.0 + 5.0 * (edge.weight as f64 / heaviest).sqrt();
        let title = format!("{} to {}: {}", edge.key.from, edge.key.to, grouped(edge.weight));
        let head = if directed { " marker-end=\"url(#head)\"" } else { "" };
        let path = drawing.path(from, to);
        let title = xml(&title);
        let _ = writeln!(
            out,
            "<path class=\"edge\" stroke-width=\"{thick:.1}\" d=\"{path}\"{head}><title>{title}</title></path>"
        );
    }
    for node in &drawing.nodes {
        let kind = if node.starts || !directed { "from" } else { "to" };
        let title = xml(&format!("{}: {}", node.name, grouped(node.weight)));
        let _ = writeln!(
            out,
            "<circle class=\"node {kind}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\"><title>{title}</title></circle>",
            node.x, node.y, node.radius
        );
    }
    for (x, y, anchor, text) in drawing.labels() {
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", xml(&text));
    }
    out.push_str("</svg>\n");
    out
}

/// The part of an address that tells it from others.
fn label(name: &str) -> String {
    let bare = name.strip_prefix("http://").or_else(|| name.strip_prefix("https://")).unwrap_or(name);
    let bare = bare.strip_prefix("www.").unwrap_or(bare);
    shorten(bare.strip_suffix('/').unwrap_or(bare), LABEL)
}

struct Drawing<'g> {
    nodes: Vec<Placed<'g>>,
    links: Vec<(usize, usize)>,
}

struct Placed<'g> {
    name: &'g str,
    /// Of all its edges.
    weight: u64,
    /// Whether an edge starts here.
    starts: bool,
    radius: f64,
    x: f64,
    y: f64,
}

impl<'g> Drawing<'g> {
    /// The same graph always gets the same layout.
    fn new(edges: Edges<'g>) -> Self {
        let names = nodes(edges);
        let places: BTreeMap<_, _> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let place = |name: &str| places.get(name).copied().unwrap_or(0);
        let blank = |name| Placed { name, weight: 0, starts: false, radius: 0.0, x: 0.0, y: 0.0 };
        let mut nodes: Vec<_> = names.iter().map(|name| blank(*name)).collect();
        let mut links = Vec::with_capacity(edges.len());
        for edge in edges {
            let (from, to) = (place(&edge.key.from), place(&edge.key.to));
            links.push((from, to));
            for (at, starts) in [(from, true), (to, false)] {
                if let Some(node) = nodes.get_mut(at).filter(|_| starts || from != to) {
                    node.weight = node.weight.saturating_add(edge.weight);
                    node.starts |= starts;
                }
            }
        }
        let heaviest = nodes.iter().map(|node| node.weight).max().unwrap_or(1) as f64;
        for node in &mut nodes {
            node.radius = 4.0 + 16.0 * (node.weight as f64 / heaviest).sqrt();
        }
        let mut drawing = Self { nodes, links };
        drawing.lay_out();
        drawing
    }

    fn lay_out(&mut self) {
        let radii: Vec<f64> = self.nodes.iter().map(|node| node.radius + 14.0).collect();
        let apart = self.links.iter().copied().filter(|(from, to)| from != to);
        let mut simulation = SimulationBuilder::default()
            .build(self.nodes.iter().map(|_| fjadra::Node::default()))
            .add_force("links", Link::new(apart).distance(90.0))
            .add_force("charge", ManyBody::new().strength(-260.0))
            .add_force("collide", Collide::new().radius(move |at| radii.get(at).copied().unwrap_or(0.0)))
            // Parts that hang together with nothing else would drift away for ever; pages are wider than high.
            .add_force("x", PositionX::new().strength(0.05))
            .add_force("y", PositionY::new().strength(0.09));
        simulation.step();
        for (node, [x, y]) in self.nodes.iter_mut().zip(simulation.positions()) {
            (node.x, node.y) = (x, y);
        }
    }

    fn frame(&self) -> (f64, f64, f64, f64) {
        let bounds = |of: fn(&Placed<'_>) -> f64| {
            let all = self.nodes.iter().map(of);
            let low = all.clone().fold(f64::INFINITY, f64::min);
            (low, all.fold(f64::NEG_INFINITY, f64::max))
        };
        if self.nodes.is_empty() {
            return (0.0, 0.0, 100.0, 100.0);
        }
        let ((left, right), (top, bottom)) = (bounds(|node| node.x), bounds(|node| node.y));
        let side = MARGIN + 60.0;
        (left - side, top - 40.0, right - left + 2.0 * side, bottom - top + 80.0)
    }

    /// Where labels go: beside their node, below or above it. The heaviest choose first, and who finds no room does
    /// without: its name is shown when it is pointed at.
    fn labels(&self) -> Vec<(f64, f64, &'static str, String)> {
        let mut order: Vec<_> = self.nodes.iter().collect();
        order.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.name.cmp(b.name)));
        let around = |node: &Placed<'_>| Area::around(node.x, node.y, node.radius, node.radius);
        let mut taken: Vec<Area> = self.nodes.iter().map(around).collect();
        let mut labels = Vec::new();
        for node in order {
            let text = label(node.name);
            let (width, beside, below) = (text.chars().count() as f64 * 5.8, node.radius + 4.0, node.radius + 12.0);
            let mut places = [
                (node.x + beside, node.y + 4.0, "start"),
                (node.x - beside, node.y + 4.0, "end"),
                (node.x, node.y + below, "middle"),
                (node.x, node.y - below + 6.0, "middle"),
            ];
            if node.x < self.middle() {
                // Away from the middle is where there is room.
                places.swap(0, 1);
            }
            let area = |(x, y, anchor): (f64, f64, &str)| {
                let shift = match anchor {
                    "start" => width / 2.0,
                    "end" => -width / 2.0,
                    _ => 0.0,
                };
                Area::around(x + shift, y - 4.0, width / 2.0, 6.0)
            };
            let free = places.into_iter().find(|place| !taken.iter().any(|other| other.meets(&area(*place))));
            if let Some(place) = free {
                taken.push(area(place));
                labels.push((place.0, place.1, place.2, text));
            }
        }
        labels
    }

    fn middle(&self) -> f64 {
        self.nodes.iter().map(|node| node.x).sum::<f64>() / self.nodes.len().max(1) as f64
    }

    /// From the rim of one node to that of the other, a little bent so that there and back are apart.
    fn path(&self, from: usize, to: usize) -> String {
        let (Some(from), Some(to)) = (self.nodes.get(from), self.nodes.get(to)) else { return String::new() };
        if core::ptr::eq(from, to) {
            let (x, y, r) = (from.x, from.y, from.radius);
            return format!("M{:.1} {:.1}a{r:.1} {r:.1} 0 1 1 {:.1} 0", x - r * 0.5, y - r * 0.8, r);
        }
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let (x1, y1) = (from.x + ux * from.radius, from.y + uy * from.radius);
        let (x2, y2) = (to.x - ux * (to.radius + 1.0), to.y - uy * (to.radius + 1.0));
        let bend = length * 0.08;
        let (cx, cy) = ((x1 + x2) / 2.0 - uy * bend, (y1 + y2) / 2.0 + ux * bend);
        format!("M{x1:.1} {y1:.1}Q{cx:.1} {cy:.1} {x2:.1} {y2:.1}")
    }
}

/// A rectangle.
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Area {
    fn around(x: f64, y: f64, half_width: f64, half_height: f64) -> Self {
        Self { left: x - half_width, right: x + half_width, top: y - half_height, bottom: y + half_height }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}
