//! UltraLogLog against sets of what its registers stand for, against likelihoods added up register by register, and
//! against the truth in simulations.

mod accuracy;
mod hostile;
mod likelihood;
mod model;
mod simulation;
mod state;
