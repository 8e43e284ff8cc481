//! The project's own commands. `cargo xtask help` lists them.

mod bench;
mod fuzz;
mod install;
mod model;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test      install what the tests need, then check, lint and run every test
  tidy      hold the sources against the rules of the house
  install   install what the tests need, and nothing else
  fuzz      run the fuzz targets (cargo xtask fuzz --help)
  bench     measure Wharf beside its peers (cargo xtask bench --help)
  model     make model/*.json anew from the newest botocore
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let result = match command {
        "test" => test::run(),
        "tidy" => tidy::run(),
        "install" => install::everything().map(drop),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run(rest),
        "model" => model::refresh(),
        "help" | "--help" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        unknown => Err(anyhow::anyhow!("there is no command {unknown}\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
