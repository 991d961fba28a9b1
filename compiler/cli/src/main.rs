//! `nasrecc`: a compiler for recommender search spaces.
//!
//! One file a subcommand, in `commands/`. Machine output goes to stdout, talk to stderr; the exit status is 0 for success, 1 where the
//! compiler found mistakes (or a verification failed), 2 where the tool itself could not do its work, 130 where a search was stopped,
//! 141 where nobody reads stdout any more.

mod bounds;
mod commands;
mod device;
mod imports;
mod lsp;
mod model;
mod outcome;
mod output;
mod render;
mod rows;
mod running;
mod subject;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use commands::{
    Outcome, check, compile, cost, count, data, diff, evaluate, explain, export, fmt, import, new, pack, predict,
    quantise, rank, sample, search, serve, show, test, train,
};
use output::say;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A compiler for recommender search spaces.
///
/// Write a space of click-through-rate models in a .nasrec file; nasrecc checks all its architectures at once, trains
/// one supernet over them, searches it, and retrains the best.
#[derive(Parser)]
#[command(name = "nasrecc", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  nasrecc check spaces/nasrec_full.nasrec\n  nasrecc compile examples/quickstart.nasrec\n  \
                        nasrecc search examples/quickstart.nasrec --out runs/first\n  nasrecc search --resume runs/first"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Fmt(fmt::Args),
    Test(test::Args),
    Compile(compile::Args),
    Sample(sample::Args),
    Count(count::Args),
    Cost(cost::Args),
    Diff(diff::Args),
    New(new::Args),
    Data(data::Args),
    Search(search::Args),
    Train(train::Args),
    Rank(rank::Args),
    Predict(predict::Args),
    Evaluate(evaluate::Args),
    Show(show::Args),
    Export(export::Args),
    Quantise(quantise::Args),
    Serve(serve::Args),
    Pack(pack::Args),
    Import(import::Args),
    Explain(explain::Args),
    Lsp(lsp::Args),
}

fn main() -> ExitCode {
    let result = Cli::try_parse().map_or_else(|said| answered(&said), |cli| run(cli.command));
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Misused) => ExitCode::from(2),
        Ok(Outcome::Stopped) => ExitCode::from(130),
        Err(error) if error.is::<output::Gone>() => ExitCode::from(141),
        Err(error) => {
            let told = format!("error: {}", output::worded(&format!("{error:#}")));
            match error.downcast_ref::<nasrec_runtime::Error>().is_some_and(nasrec_runtime::Error::has_lines) {
                true => told.lines().for_each(|line| say!("{line}")),
                false => say!("{told}"),
            }
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Count(args) => count::run(&args),
        Command::Cost(args) => cost::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::New(args) => new::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Rank(args) => rank::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Quantise(args) => quantise::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Pack(args) => pack::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Lsp(args) => lsp::run(&args),
    }
}

/// What clap answers itself: help and the version, and what is wrong with the arguments.
fn answered(said: &clap::Error) -> Result<Outcome> {
    if !said.use_stderr() {
        said.print().and_then(|()| std::io::stdout().flush()).map_err(output::unwritable)?;
        return Ok(Outcome::Clean);
    }
    let plain = said.to_string();
    if output::has_hidden(&plain) {
        // It quotes an argument, which matters more than colours.
        output::show(&output::visible(&plain));
    } else {
        let _heard = said.print();
    }
    Ok(Outcome::Misused)
}
