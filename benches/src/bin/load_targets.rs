//! The load generator: `load_targets TARGETS BYTES HANGING` prints the addresses of that many targets as a line of
//! JSON and serves them until its input ends.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use integration::load::Load;
use integration::raw_target::RawTargets;

fn main() -> ExitCode {
    match load().and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "load_targets: {error}").ok();
            ExitCode::from(2)
        }
    }
}

fn load() -> Result<Load, String> {
    let numbers: Result<Vec<usize>, _> = std::env::args().skip(1).map(|word| word.parse()).collect();
    match numbers.map_err(|error| error.to_string())?.as_slice() {
        &[targets, bytes, hanging] => Ok(Load { targets, bytes, hanging }),
        _ => Err("three numbers are needed: targets, bytes a page, hanging of a hundred".to_owned()),
    }
}

fn serve(load: Load) -> Result<(), String> {
    // A listener and a connection for each target.
    if !runtime::open_files::raise().suffice(2 * load.targets as u64 + 64) {
        return Err(format!("{} targets need more open files than `ulimit -Hn` allows", load.targets));
    }
    // One thread: the other cores are for what is measured.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tokio.map_err(|error| error.to_string())?.block_on(async {
        let targets = RawTargets::start(load.answers()).await.map_err(|error| error.to_string())?;
        let addresses = serde_json::to_string(targets.addresses()).map_err(|error| error.to_string())?;
        writeln!(std::io::stdout(), "{addresses}").map_err(|error| error.to_string())?;
        let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        ended.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string()).map(drop)
    })
}
