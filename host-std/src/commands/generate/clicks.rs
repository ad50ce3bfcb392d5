//! Records like those of a link shortener.
//!
//! The fields are those of the stream of clicks on 1.USA.gov links that bitly published: user agent `a`, country `c`,
//! whether the user is known `nk`, time zone `tz`, region `gr`, hash of the long URL `g`, hash of the short one `h`,
//! who shortened it `l`, accepted languages `al`, the short domain `hh`, referrer `r`, long URL `u`, time `t`, time of
//! the shortening `hc`, city `cy`, latitude and longitude `ll`; now and then `{"_heartbeat_":t}`. All of it is made
//! up: hosts end in `.example`, and what is popular follows Zipf's law.

use std::io::Write as _;

use streamgauge_core::generate::{Distribution, Rng, Zipf};

/// Clicks, one after another.
#[derive(Debug)]
pub struct Clicks {
    rng: Rng,
    start: u64,
    /// Seconds since the start.
    time: f64,
    next_heartbeat: u64,
    urls: Zipf,
    referrers: Zipf,
    agents: Zipf,
    languages: Zipf,
    places: Zipf,
    users: Zipf,
}

/// Seconds between heartbeats.
const HEARTBEAT: u64 = 15;
/// Seconds between clicks, on average.
const GAP: Distribution = Distribution::Exponential { rate: 2.0 };

impl Clicks {
    /// The clicks of a seed on so many `urls` from so many `referrers`, from `start` on.
    #[must_use]
    pub fn new(seed: u64, urls: u64, referrers: u64, start: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            start,
            time: 0.0,
            next_heartbeat: HEARTBEAT,
            urls: Zipf::new(urls, 1.0),
            referrers: Zipf::new(referrers, 1.1),
            agents: Zipf::new(AGENTS.len() as u64, 0.7),
            languages: Zipf::new(LANGUAGES.len() as u64, 1.6),
            places: Zipf::new(PLACES.len() as u64, 0.9),
            users: Zipf::new(150, 1.2),
        }
    }

    /// Appends the next record to `out`, without a newline.
    pub fn write(&mut self, out: &mut Vec<u8>) {
        if self.time >= self.next_heartbeat as f64 {
            // Writing into a `Vec` does not fail, here and below.
            let _ = write!(out, "{{\"_heartbeat_\":{}}}", self.start.saturating_add(self.next_heartbeat));
            self.next_heartbeat += HEARTBEAT;
            return;
        }
        let rng = &mut self.rng;
        let agent = pick(&AGENTS, self.agents.sample(rng));
        let place = pick(&PLACES, self.places.sample(rng));
        // One in six could not be located.
        let place = Some(place).filter(|_| rng.below(6) > 0);
        let url = self.urls.sample(rng);
        // The URL and how it was shortened belong together, whoever clicks.
        let mut link = Rng::new(url);
        let (global, age) = (hash(&mut link), Distribution::Exponential { rate: 1.0 / 2e6 }.sample(&mut link));
        let (user, shorteners) = (self.users.sample(&mut link), link.below(3) + 1);
        let short = hash(&mut Rng::new(url.wrapping_mul(shorteners + 1) ^ rng.below(shorteners)));
        let time = self.start.saturating_add(self.time as u64);
        let known = u8::from(rng.below(100) < 46);

        let _ = write!(out, "{{\"a\": \"{agent}\"");
        if let Some(Place { country, .. }) = place {
            let _ = write!(out, ", \"c\": \"{country}\"");
        }
        let zone = place.map_or("", |place| place.zone);
        let _ = write!(out, ", \"nk\": {known}, \"tz\": \"{zone}\"");
        if let Some(Place { region, .. }) = place {
            let _ = write!(out, ", \"gr\": \"{region}\"");
        }
        let _ = write!(out, ", \"g\": \"{global}\", \"h\": \"{short}\", \"l\": \"user{user}\"");
        if rng.below(10) > 0 {
            let _ = write!(out, ", \"al\": \"{}\"", pick(&LANGUAGES, self.languages.sample(rng)));
        }
        let domain = pick(&DOMAINS, DOMAIN_OF[rng.below(DOMAIN_OF.len() as u64) as usize]);
        let _ = write!(out, ", \"hh\": \"{domain}\", \"r\": \"");
        // Nearly half of them come from no page: typed in, or from a program.
        if rng.below(100) < 46 {
            let _ = write!(out, "direct");
        } else {
            let referrer = self.referrers.sample(rng);
            let _ = write!(out, "http://site{}.example/page/{referrer}", referrer.isqrt());
        }
        let _ = write!(out, "\", \"u\": \"http://agency{}.example/document/{url}\"", url % 97);
        let _ = write!(out, ", \"t\": {time}, \"hc\": {}", self.start.saturating_sub(age as u64));
        if let Some(Place { city, latitude, longitude, .. }) = place {
            let mut near = |degrees: f64| degrees + (rng.uniform() - 0.5) * 0.1;
            let (latitude, longitude) = (near(*latitude), near(*longitude));
            let _ = write!(out, ", \"cy\": \"{city}\", \"ll\": [{latitude:.6}, {longitude:.6}]");
        }
        out.push(b'}');
        self.time += GAP.sample(rng);
    }
}

/// Six letters and digits.
fn hash(rng: &mut Rng) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..6).map(|_| char::from(LETTERS[rng.below(62) as usize])).collect()
}

fn pick<T>(table: &[T], rank: u64) -> &T {
    &table[(rank as usize - 1).min(table.len() - 1)]
}

#[derive(Debug)]
struct Place {
    country: &'static str,
    region: &'static str,
    city: &'static str,
    zone: &'static str,
    latitude: f64,
    longitude: f64,
}

const fn place([country, region, city, zone]: [&'static str; 4], [latitude, longitude]: [f64; 2]) -> Place {
    Place { country, region, city, zone, latitude, longitude }
}

const PLACES: [Place; 16] = [
    place(["US", "NY", "New York", "America/New_York"], [40.71, -74.01]),
    place(["US", "CA", "Los Angeles", "America/Los_Angeles"], [34.05, -118.24]),
    place(["US", "IL", "Chicago", "America/Chicago"], [41.88, -87.63]),
    place(["US", "DC", "Washington", "America/New_York"], [38.9, -77.04]),
    place(["US", "TX", "Houston", "America/Chicago"], [29.76, -95.37]),
    place(["US", "CO", "Denver", "America/Denver"], [39.74, -104.99]),
    place(["US", "WA", "Seattle", "America/Los_Angeles"], [47.61, -122.33]),
    place(["GB", "H9", "London", "Europe/London"], [51.51, -0.13]),
    place(["US", "MA", "Boston", "America/New_York"], [42.36, -71.06]),
    place(["CA", "ON", "Toronto", "America/Toronto"], [43.65, -79.38]),
    place(["JP", "40", "Tokyo", "Asia/Tokyo"], [35.68, 139.69]),
    place(["US", "GA", "Atlanta", "America/New_York"], [33.75, -84.39]),
    place(["BR", "27", "São Paulo", "America/Sao_Paulo"], [-23.55, -46.63]),
    place(["DE", "16", "Berlin", "Europe/Berlin"], [52.52, 13.4]),
    place(["IN", "19", "Bangalore", "Asia/Kolkata"], [12.97, 77.59]),
    place(["AU", "02", "Sydney", "Australia/Sydney"], [-33.87, 151.21]),
];

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/535.11 (KHTML, like Gecko) Chrome/17.0 Safari/535.11",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 5_1 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) Mobile/9B176",
    "Mozilla/5.0 (Windows NT 6.1; rv:11.0) Gecko/20100101 Firefox/11.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7) AppleWebKit/534.52 (KHTML, like Gecko) Version/5.1 Safari/534.52",
    "Mozilla/5.0 (Linux; U; Android 2.3; en-us) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:10.0) Gecko/20100101 Firefox/10.0",
    "ExampleFeedReader/1.0",
];

const LANGUAGES: [&str; 7] = ["en-US,en;q=0.8", "en-us", "en", "en-gb", "pt-BR,pt;q=0.8", "ja", "de-DE,de;q=0.8"];

const DOMAINS: [&str; 4] = ["1.usa.gov", "bit.ly", "go.usa.gov", "j.mp"];
/// Which of them, out of twenty.
const DOMAIN_OF: [u64; 20] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4];
