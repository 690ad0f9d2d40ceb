//! The `skerry` command: parses its arguments, starts V8 before any thread, and hands over.

mod account;
mod analytics;
mod check;
mod cli;
mod d1;
mod dev;
mod init;
mod kv;
mod load;
mod objects;
mod r2;
mod serve;
mod signals;
mod site;
mod snapshot;
mod state;
mod status;
mod token;
mod top;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::serve::Role;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Dev(arguments) => run(dev::run(arguments)),
        Command::Serve(arguments) => serve::prepare(&arguments).and_then(|role| match role {
            Role::Whole(config) => run(serve::run(arguments, *config)),
            Role::Front(config) => run_without_v8(serve::isolated::run(arguments, *config)),
            Role::Account(child) => run(child.run()),
        }),
        Command::Status(arguments) => run(status::run(arguments)),
        Command::Top(arguments) => run(top::run(arguments)),
        Command::Account(arguments) => run(account::run(arguments)),
        Command::Token(arguments) => run(token::run(arguments)),
        Command::Config(command) => serve::config::run(command),
        Command::Check(arguments) => run(check::run(arguments)),
        Command::R2(arguments) => run(r2::run(arguments)),
        Command::Kv(command) => run(kv::run(command)),
        Command::D1(arguments) => run(d1::run(arguments)),
        Command::Analytics(arguments) => run(analytics::run(arguments)),
        Command::Init(arguments) => init::command(arguments).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            anstream::eprintln!("{}error:{} {message}", cli::RED, cli::PLAIN);
            ExitCode::FAILURE
        }
    }
}

/// Threads beyond the processor's: a script that runs long leaves the others enough to serve on, and the kernel divides the
/// processor fairly between them. More cost throughput. `TOKIO_WORKER_THREADS` overrides the sum.
const SPARE_THREADS: usize = 1;

/// Runs a command to its end on the async runtime.
fn run(command: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    // Threads inherit their right to V8's tables at birth: it starts before the runtime's are made.
    workers::initialize();
    run_without_v8(command)
}

fn run_without_v8(command: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        runtime.worker_threads(processors + SPARE_THREADS);
    }
    runtime
        .enable_all()
        .thread_stack_size(4 << 20)
        .build()
        .map_err(|error| format!("the async runtime can't start: {error}"))?
        .block_on(command)
}
