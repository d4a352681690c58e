//! Programs as child processes: started with a log file, killed when dropped, and when this process is killed.

mod orphans;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running program.
#[derive(Debug)]
pub struct Process {
    command: Command,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs in `log`.
    ///
    /// # Errors
    /// Names the program that could not be started.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::options().create(true).append(true).open(log).map_err(|error| error.to_string())?;
        let err = out.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.map_err(|error| format!("starting {name}: {error}"))?;
        let this = Self { command, child, log: log.to_path_buf() };
        orphans::started(this.id())?;
        Ok(this)
    }

    /// Starts the same command again; where the process still runs, it is killed first.
    ///
    /// # Errors
    /// Names the program that could not be started.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.kill();
        let child = self.command.spawn();
        let name = self.command.get_program().to_string_lossy();
        self.child = child.map_err(|error| format!("starting {name}: {error}"))?;
        orphans::started(self.id())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        // A process that has ended by itself is what was asked for.
        self.child.kill().ok();
        self.child.wait().ok();
        // The shell is there, or the process would not have started.
        orphans::ended(self.id()).ok();
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// Where the process has ended.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<(), String> {
        let id = i32::try_from(self.child.id()).map_err(|error| error.to_string())?;
        let id = rustix::process::Pid::from_raw(id).ok_or("no such process")?;
        rustix::process::kill_process(id, signal).map_err(|error| error.to_string())
    }

    /// Waits for the process to end by itself, and gives its exit code.
    ///
    /// # Errors
    /// Where it still runs after `limit`, or was ended by a signal.
    pub async fn exit_code(&mut self, limit: Duration) -> Result<i32, String> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return status.code().ok_or_else(|| format!("ended by a signal: {status}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("still runs after {limit:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4000);
            let tail = String::from_utf8_lossy(&log.as_bytes()[from..]).into_owned();
            println!("--- last lines of {}\n{tail}", self.log.display());
        }
    }
}

/// An address of loopback with a port that is free now.
///
/// # Panics
/// Where the machine has none left.
#[must_use]
pub fn free_address() -> SocketAddr {
    free_address_at(Ipv4Addr::LOCALHOST.into())
}

/// Ports that the system gives to nobody who does not ask for them by number: a program that is started again later
/// finds its own still free.
const PORTS: std::ops::Range<u16> = 16_000..32_000;

/// A port of this address that is free now, and that no other call in this process gives until all have been given.
///
/// # Panics
/// Where there is none left.
#[must_use]
pub fn free_address_at(address: IpAddr) -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run beside each other begin far apart.
    let first = std::process::id().wrapping_mul(97);
    for _ in PORTS {
        let number = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(number % PORTS.len() as u32).unwrap_or_default();
        if TcpListener::bind((address, port)).is_ok() {
            return SocketAddr::new(address, port);
        }
    }
    panic!("no port of {address} between {} and {} is free", PORTS.start, PORTS.end);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set where this program is run again, to be killed.
    const FILE: &str = "PROCESS_TO_BE_LEFT_BEHIND";

    #[test]
    fn a_port_is_given_once_and_never_by_the_system() {
        let (one, other) = (free_address(), free_address());
        assert_ne!(one, other);
        assert!(PORTS.contains(&one.port()) && PORTS.contains(&other.port()));
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!PORTS.contains(&taken.local_addr().unwrap().port()));
    }

    #[test]
    fn what_a_killed_test_has_started_ends_with_it() {
        if let Some(file) = std::env::var_os(FILE) {
            let log = Path::new(&file).with_extension("log");
            let start = |seconds: &str| {
                let mut command = Command::new("sleep");
                command.arg(seconds);
                Process::start(command, &log).expect("it starts")
            };
            drop(start("1"));
            let left = start("600");
            std::fs::write(&file, format!("{}\n", left.id())).expect("the id is written");
            loop {
                std::thread::park();
            }
        }
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("id");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "process::tests::what_a_killed_test_has_started_ends_with_it"]);
        command.env(FILE, &file);
        let mut killed = Process::start(command, &directory.path().join("log")).expect("it starts");
        let id = until(|| std::fs::read_to_string(&file).ok()?.strip_suffix('\n').map(str::to_owned));
        assert!(lives(&id), "it runs as long as its test");
        killed.kill();
        until(|| (!lives(&id)).then_some(()));
    }

    /// Whether it runs; one that nobody has waited for does not.
    fn lives(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
    }

    fn until<T>(look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < deadline, "it did not come to that");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
