//! No child process outlives the process that started it, not even where that is killed with SIGKILL.
//!
//! In: ids of processes that have started and ended. Out: a shell beside this process that reads them from a pipe; the
//! pipe ends with this process, and the shell then sends SIGKILL to those that are left.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The shell's whole program: it remembers ids, each between two blanks. One may be told to have ended more than once.
const PROGRAM: &str = r#"
left=' '
while read -r what id; do
  case $what in
    started) left="$left$id " ;;
    ended) case $left in *" $id "*) left="${left%% $id *} ${left#* $id }" ;; esac ;;
  esac
done
[ "$left" = ' ' ] || kill -9 $left
"#;

/// The shell's end of the pipe that is written to; it starts with the first process.
static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// This process is to end with the test.
///
/// # Errors
/// Where there is no shell.
pub(super) fn started(id: u32) -> Result<(), String> {
    tell("started", id)
}

/// This process has ended: its id may be another's soon.
pub(super) fn ended(id: u32) -> Result<(), String> {
    tell("ended", id)
}

fn tell(what: &str, id: u32) -> Result<(), String> {
    let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
    if pipe.is_none() {
        *pipe = Some(shell()?);
    }
    let told = pipe.as_mut().map(|pipe| writeln!(pipe, "{what} {id}"));
    told.transpose()
        .map(drop)
        .map_err(|error| format!("telling the shell that a process has {what}: {error}"))
}

fn shell() -> Result<ChildStdin, String> {
    let mut command = Command::new("sh");
    // In a group of its own: Ctrl-C ends the tests, and what is left is the shell's to end.
    command.args(["-c", PROGRAM]).process_group(0).stdin(Stdio::piped());
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| format!("starting sh: {error}"))?;
    child.stdin.take().ok_or_else(|| "the shell has no standard input".to_owned())
}
