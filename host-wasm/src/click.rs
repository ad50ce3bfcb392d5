//! Clicks to play with.

use alloc::vec::Vec;

use streamgauge_core::generate::{Rng, Zipf};
use wasm_bindgen::prelude::*;

use crate::{Graph, WeightedEdge};

/// Clicks on links to public sites, made up: who led there, and where to. A few referrers and a few sites have most of
/// them, and each referrer has its favourites.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Clicks {
    rng: Rng,
    referrers: Zipf,
    sites: Zipf,
    graph: Graph,
}

#[wasm_bindgen]
impl Clicks {
    /// Clicks from a seed, in a graph of at most `slots` edges.
    ///
    /// # Errors
    /// There is no memory for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(seed: u32, slots: u32, directed: bool) -> Result<Self, JsError> {
        Ok(Self {
            rng: Rng::new(seed.into()),
            referrers: Zipf::new(REFERRERS.len() as u64, 1.0),
            sites: Zipf::new(SITES.len() as u64, 1.2),
            graph: Graph::new(slots, directed)?,
        })
    }

    /// Makes `count` clicks more.
    pub fn draw(&mut self, count: u32) {
        for _ in 0..count {
            let referrer = self.referrers.sample(&mut self.rng).wrapping_sub(1) as usize;
            let rank = self.sites.sample(&mut self.rng).wrapping_sub(1) as usize;
            // Half of the clicks go by the taste of all, the others by the referrer's own.
            let taste = if self.rng.below(2) == 0 { 0 } else { referrer * 7 };
            let site = (rank + taste) % SITES.len();
            self.graph.add(REFERRERS[referrer % REFERRERS.len()], SITES[site]);
        }
    }

    /// The `most` heaviest edges, the heaviest first.
    pub fn top(&self, most: u32) -> Vec<WeightedEdge> {
        self.graph.top(most)
    }

    /// Clicks so far.
    #[wasm_bindgen(getter)]
    pub fn total(&self) -> f64 {
        self.graph.total()
    }

    /// Number of edges held.
    #[wasm_bindgen(getter)]
    pub fn edges(&self) -> u32 {
        self.graph.edges()
    }

    /// How often an edge had to give its slot to another.
    #[wasm_bindgen(getter)]
    pub fn evicted(&self) -> f64 {
        self.graph.evicted()
    }
}

const REFERRERS: [&str; 18] = [
    "direct",
    "facebook.com",
    "t.co",
    "google.com",
    "reddit.com",
    "youtube.com",
    "news.example",
    "wikipedia.org",
    "mail.example",
    "linkedin.com",
    "blog.example",
    "forum.example",
    "school.example",
    "bing.com",
    "radio.example",
    "tumblr.com",
    "podcast.example",
    "duckduckgo.com",
];

const SITES: [&str; 30] = [
    "nasa.gov",
    "noaa.gov",
    "weather.gov",
    "nps.gov",
    "cdc.gov",
    "nih.gov",
    "usgs.gov",
    "loc.gov",
    "archives.gov",
    "si.edu",
    "energy.gov",
    "epa.gov",
    "ed.gov",
    "census.gov",
    "fda.gov",
    "nist.gov",
    "usa.gov",
    "bls.gov",
    "fema.gov",
    "irs.gov",
    "state.gov",
    "usda.gov",
    "dot.gov",
    "uspto.gov",
    "nsf.gov",
    "gpo.gov",
    "hud.gov",
    "sba.gov",
    "va.gov",
    "fcc.gov",
];
