//! State that many processes share, in a real Redis: nothing is added twice, and nothing is lost but what a kill takes.

mod command;
mod doubt;
mod graphs;
mod kinds;
mod outage;
mod readers;
mod support;
