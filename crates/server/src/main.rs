//! The program `wharf`.

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let cli = wharf_server::cli::Cli::parse();
    match wharf_server::commands::run(cli.command) {
        Ok(code) => code,
        Err(error) => wharf_server::commands::failed(&error),
    }
}
