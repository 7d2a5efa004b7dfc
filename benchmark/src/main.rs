//! `./bench`: what a verified request costs beside an unverified one. See `docs/performance.md`.

use bench::{Result, run};
use clap::Parser as _;

/// What a verified request costs beside an unverified one
#[derive(clap::Parser)]
struct Arguments {
    #[command(flatten)]
    run: run::Args,
}

fn main() -> Result<()> {
    run::run(&Arguments::parse().run)
}
