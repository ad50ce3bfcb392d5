//! Histograms, heavy hitters, graphs.

use core::hash::{BuildHasherDefault, Hasher};

use crate::given::{given, keep};
use streamgauge_core::stats::graph::{Direction, Edge, Graph};
use streamgauge_core::stats::space_saving::{Counted, Slot, SpaceSaving, State, Totals};
use streamgauge_core::stats::{Histogram, IntHistogram};

type Counts = &'static mut [u64];
type Sketch = SpaceSaving<u32, &'static mut [Slot<u32>], BuildHasherDefault<Mixed>>;
type Links = Graph<u32, &'static mut [Slot<Edge<u32>>], BuildHasherDefault<Mixed>>;

/// A hash of which nothing is known.
#[derive(Default)]
pub struct Mixed;

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        *given()
    }

    fn write(&mut self, bytes: &[u8]) {
        keep(bytes);
    }
}

fn floats() -> &'static mut Histogram<Counts> {
    given()
}

fn integers() -> &'static mut IntHistogram<Counts> {
    given()
}

fn sketch() -> &'static mut Sketch {
    given()
}

fn links() -> &'static mut Links {
    given()
}

fn keys() -> impl Iterator<Item = Counted<u32>> {
    given::<&'static [Counted<u32>]>().iter().cloned()
}

roots! {
    new => Histogram::<Counts>::new(core::mem::take(given()), *given(), *given());
    push => floats().push(*given());
    remove => floats().remove(*given());
    merge => floats().merge::<Counts>(given());
    edge => floats().edge(*given());
    bins => floats().bins();
    underflow => floats().underflow();
    overflow => floats().overflow();
    nan => floats().nan();
    count => floats().count();
    quantile => floats().quantile(*given());
    int_new => IntHistogram::<Counts>::new(core::mem::take(given()), *given(), *given());
    int_push => integers().push(*given());
    int_remove => integers().remove(*given());
    int_merge => integers().merge::<Counts>(given());
    int_edge => integers().edge(*given());
    int_bins => integers().bins();
    int_underflow => integers().underflow();
    int_overflow => integers().overflow();
    int_count => integers().count();
    int_quantile => integers().quantile(*given());
    sketch_new => Sketch::new(core::mem::take(given()), BuildHasherDefault::default());
    sketch_len => sketch().len();
    sketch_is_empty => sketch().is_empty();
    sketch_total => sketch().total();
    sketch_evicted => sketch().evicted();
    sketch_add => sketch().add(*given(), *given());
    sketch_get => sketch().get(given());
    sketch_iter => sketch().iter().for_each(keep);
    sketch_floor => sketch().floor();
    sketch_capacity => sketch().capacity();
    sketch_merge => sketch().merge(given::<Sketch>());
    sketch_heaviest => sketch().heaviest().for_each(keep);
    sketch_from_parts => Sketch::from_parts(*given::<State>(), core::mem::take(given()), BuildHasherDefault::default());
    sketch_into_parts => Sketch::from_parts(*given(), core::mem::take(given()), BuildHasherDefault::default()).into_parts();
    sketch_totals => sketch().totals();
    sketch_restore => Sketch::restore(core::mem::take(given()), BuildHasherDefault::default(), *given::<Totals>(), keys());
    graph_merge => links().merge(given::<Links>());
    graph_heaviest => links().heaviest().for_each(keep);
    graph_new => Links::new(core::mem::take(given()), BuildHasherDefault::default(), *given::<Direction>());
    graph_from_sketch => given::<Option<SpaceSaving<_, _, _>>>().take().map(|edges| Links::from_sketch(edges, *given()));
    graph_clear => links().clear();
    graph_add => links().add(*given(), *given(), *given());
    graph_edges => links().edges().for_each(keep);
    graph_sketch => keep(links().sketch());
    graph_direction => links().direction();
}

sizes! {
    "stats: Histogram": Histogram<Counts>;
    "stats: IntHistogram": IntHistogram<Counts>;
    "sketch: SpaceSaving": Sketch;
    "sketch: Slot, a u32 key": Slot<u32>;
    "graph: Graph": Links;
}
