//! `streamgauge top`: what a server does at this moment, on the whole screen.
//!
//! | module | idea |
//! | --- | --- |
//! | here | asking, pressing and drawing take turns |
//! | `asked` | what the server is asked |
//! | `watched` | what is known of it, and how it went of late |
//! | `view` | what is looked at, and what keys do to it |
//! | `draw` | both as characters |
//! | `screen` | the terminal, and its keys |
//! | `plain` | the same once, where there is no terminal |
//! | `words` | numbers in few characters |

mod asked;
mod draw;
mod plain;
mod screen;
mod view;
mod watched;
mod words;

use core::pin::Pin;
use core::time::Duration;
use std::io::stdout;

use clap::Args;
use tokio::time::{Instant, sleep, sleep_until};

use self::asked::{Glance, One, Server};
use self::draw::Paint;
use self::screen::{Act, Screen};
use self::view::{Then, View};
use self::watched::Watched;
use super::EXIT_CODES;
use super::at::URL;
use crate::client::{Url, prepare};
use crate::terminal::display::{is_coloured, is_screen};
use crate::terminal::exit::{Failure, STDOUT};
use crate::terminal::flags::{server, time};
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Show what a server does at this moment: topics, queues and gauges with their rates, memory and disk
///
/// What the server's page shows in a browser, in a terminal. Press ? for its keys. Where stdout is no terminal, or a dumb one, it prints
/// one table, with the rates of the time between two questions, and ends.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Address of the server
    #[arg(long, env = URL, default_value = "http://127.0.0.1:8080", value_parser = server)]
    url: Url,
    /// How often the server is asked, such as 1s or 500ms
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "1s")]
    every: Duration,
    /// Print what the server says of all that it has, once, as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Where an answer takes long, so many times as long the server has its peace.
const PEACE: u32 = 5;

pub(super) async fn run(options: Options, stop: Stop) -> Result<(), Failure> {
    let Options { url, every, json } = options;
    prepare(&url).map_err(|error| Failure::of(&url, &error))?;
    let server = Server::new(url.clone());
    if json {
        return print_json(server, stop).await;
    }
    if !is_screen(&stdout()) {
        return print_table(server, every, stop).await;
    }
    let (watched, view, paint) = (Watched::default(), View::new(), Paint { is_coloured: is_coloured(&stdout()) });
    let top = Top { watched, view, every, url: url.to_string(), paint };
    top.run(server, stop).await
}

async fn print_json(mut server: Server, mut stop: Stop) -> Result<(), Failure> {
    output::line(&stop.before(server.glance(None)).await?.answers.json())
}

async fn print_table(mut server: Server, every: Duration, mut stop: Stop) -> Result<(), Failure> {
    let asked = async {
        let mut watched = Watched::default();
        watched.hear(server.glance(None).await?);
        sleep(every).await;
        watched.hear(server.glance(None).await?);
        Ok(watched)
    };
    output::write(plain::text(&stop.before(asked).await?).as_bytes())
}

struct Top {
    watched: Watched,
    view: View,
    every: Duration,
    url: String,
    paint: Paint,
}

/// A question on its way, and the server that it comes back with.
type Asking = Pin<Box<dyn Future<Output = (Server, Told)>>>;

/// What came of a question.
enum Told {
    All { begun: Instant, glance: Result<Box<Glance>, Failure> },
    One(Result<One, Failure>),
}

impl Top {
    async fn run(mut self, server: Server, mut stop: Stop) -> Result<(), Failure> {
        let mut screen = Screen::take()?;
        let mut acts = screen::acts();
        let (mut idle, mut asking, mut due) = (Some(server), None, Instant::now());
        loop {
            let drawn = screen.terminal.draw(|frame| {
                draw::all(frame, &self.watched, &self.view, &self.url, self.paint);
            });
            drawn.map_err(|error| Failure::io(STDOUT, &error))?;
            if let Some(server) = idle.take() {
                match self.ask(server, due) {
                    Ok(question) => asking = Some(question),
                    Err(server) => idle = Some(server),
                }
            }
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                act = acts.recv() => match act {
                    None => return Err(Failure::NobodyReads),
                    Some(Act::Changed) => {}
                    Some(Act::Pressed(key)) => match self.view.press(key, &self.watched) {
                        Then::Quit => return Ok(()),
                        Then::Show => {}
                        Then::Ask => due = Instant::now(),
                    },
                },
                (server, told) = answer(&mut asking) => {
                    (idle, asking) = (Some(server), None);
                    if let Some(next) = self.hear(told) {
                        due = next;
                    }
                }
                () = sleep_until(due), if idle.is_some() && !self.view.is_held => {}
            }
        }
    }

    /// Asks for everything when that is due, or for what is not known of the one that is looked at; else the server is
    /// given back.
    fn ask(&self, mut server: Server, due: Instant) -> Result<Asking, Server> {
        let (begun, one) = (Instant::now(), self.view.one(&self.watched));
        if begun >= due && !self.view.is_held {
            return Ok(Box::pin(async move {
                let glance = server.glance(one).await.map(Box::new);
                (server, Told::All { begun, glance })
            }));
        }
        let unknown = one.filter(|(list, name)| self.watched.detail_of(*list, name).is_none());
        match unknown.filter(|_| self.watched.lost.is_none()) {
            Some((list, name)) => Ok(Box::pin(async move {
                let one = server.look(list, name).await;
                (server, Told::One(one))
            })),
            None => Err(server),
        }
    }

    /// Takes in what a server said; when everything is asked for again, if that was.
    fn hear(&mut self, told: Told) -> Option<Instant> {
        let now = Instant::now();
        let (failure, next) = match told {
            Told::All { begun, glance: Ok(glance) } => {
                self.watched.hear(*glance);
                return Some((begun + self.every).max(now + (now - begun) * PEACE));
            }
            Told::One(Ok(one)) => {
                self.watched.detail = Some(one);
                return None;
            }
            Told::All { glance: Err(failure), .. } => (failure, Some(now + self.every)),
            Told::One(Err(failure)) => (failure, None),
        };
        self.watched.lost = Some(failure.text().unwrap_or("no answer").to_owned());
        next
    }
}

async fn answer(asking: &mut Option<Asking>) -> (Server, Told) {
    match asking {
        Some(asking) => asking.await,
        None => core::future::pending().await,
    }
}
