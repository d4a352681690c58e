//! A network namespace whose addresses are the pods' of a test: this machine reaches them, nobody else does.
//!
//! One veth pair joins it to the machine; inside, every address of its range is local, so a listener on all addresses is
//! thousands of pods. Needs root and the program `ip`.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::LinkNameSpaceType;

use crate::fake_target::{Behaviour, FakeTargets};

/// Namespaces are called after the process that made them.
const PREFIX: &str = "scrape-relay-";

/// A namespace with its own range of pod addresses; dropping it removes all of it.
#[derive(Debug)]
pub struct Network {
    name: String,
    second: u8,
}

impl Network {
    /// Makes one; nothing, and a sentence about it, where this process may not.
    ///
    /// # Panics
    /// Where the machine allows a namespace but not its link, or has no range left.
    #[must_use]
    pub fn create() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        remove_stale();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        if let Err(error) = ip(&["netns", "add", &name]) {
            println!(
                "LEFT OUT: no network namespace can be made here ({error}); run this test as root, with iproute2"
            );
            return None;
        }
        // From here on, dropping removes what was made.
        let mut network = Self { name, second: 0 };
        let outside = format!("sr{}x{number}", std::process::id());
        network.link(&outside).expect("the namespace gets its link");
        network.second = (64..128).find(|second| network.route(&outside, *second)).expect("a free range");
        network.addresses().expect("the namespace gets its addresses");
        Some(network)
    }

    /// The address of pod `number`, which exists at once; at most 30,000.
    ///
    /// # Panics
    /// Where the number is too large.
    #[must_use]
    pub fn pod(&self, number: u16) -> Ipv4Addr {
        assert!(number < 30_000, "the range has 30,000 addresses");
        // The first and last address of a /24 are no different here, but look odd in a log.
        let [third, fourth] = [number / 250, number % 250 + 1].map(|part| u8::try_from(part).unwrap_or(0));
        Ipv4Addr::new(10, self.second, third, fourth)
    }

    /// Makes every address there is one of the namespace's own, and nothing outside reachable: whoever connects from inside to
    /// whatever address, of a pod, of loopback or of a metadata service, reaches a listener inside or nobody.
    ///
    /// # Errors
    /// What the machine does not allow.
    pub fn enclose(&self) -> Result<(), String> {
        for (family, all) in [("-4", "0.0.0.0/0"), ("-6", "::/0")] {
            ip(&["-n", &self.name, family, "route", "add", "local", all, "dev", "lo"])?;
        }
        // kube-apiserver wants a default route to exist; what is local comes first.
        ip(&["-n", &self.name, "route", "add", "default", "dev", "pods"])
    }

    /// Runs `work` on a thread inside: its sockets, and the processes that it starts, are there.
    ///
    /// # Errors
    /// Where the namespace cannot be entered.
    ///
    /// # Panics
    /// Where `work` does.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, String> {
        let namespace =
            File::open(format!("/var/run/netns/{}", self.name)).map_err(|error| error.to_string())?;
        // A thread of its own, since it stays inside; a socket belongs to where it was made.
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let kind = Some(LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), kind)
                    .map_err(|error| format!("entering the namespace: {error}"))?;
                Ok(work())
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A listener inside, on this port of all addresses. It can be used from any thread.
    fn listen(&self, port: u16) -> Result<TcpListener, String> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        self.inside(|| TcpListener::bind(address).map_err(|error| format!("{address}: {error}")))?
    }

    /// One target for each pod address, on this port; target `number` is at [`Self::pod`]`(number)`.
    ///
    /// # Errors
    /// Where the namespace cannot be entered, or the port is taken.
    pub fn targets(
        &self,
        port: u16,
        behaviour: impl Fn(usize) -> Behaviour + Send + Sync + 'static,
    ) -> Result<FakeTargets, String> {
        let listener = self.listen(port)?;
        FakeTargets::behind(listener, number, behaviour).map_err(|error| error.to_string())
    }

    fn link(&self, outside: &str) -> Result<(), String> {
        let peer = ["type", "veth", "peer", "name", "pods", "netns", &self.name];
        ip(&[&["link", "add", outside], &peer[..]].concat())?;
        ip(&["link", "set", outside, "up"])
    }

    /// Takes the range 10.SECOND.0.0/17 on the machine's side; false where another process has it.
    fn route(&self, outside: &str, second: u8) -> bool {
        let link = format!("10.{second}.128.1/30");
        let pods = format!("10.{second}.0.0/17");
        let gateway = format!("10.{second}.128.2");
        let taken = ip_output(&["route", "show", &pods]).is_ok_and(|routes| !routes.is_empty());
        if taken || ip(&["address", "add", &link, "dev", outside]).is_err() {
            return false;
        }
        let routed = ip(&["route", "add", &pods, "via", &gateway, "dev", outside]).is_ok();
        if !routed {
            // Between looking and taking, another has come.
            ip(&["address", "del", &link, "dev", outside]).ok();
        }
        routed
    }

    fn addresses(&self) -> Result<(), String> {
        let (link, pods) = (format!("10.{}.128.2/30", self.second), format!("10.{}.0.0/17", self.second));
        let inside = |arguments: &[&str]| ip(&[&["-n", &self.name], arguments].concat());
        inside(&["link", "set", "lo", "up"])?;
        inside(&["link", "set", "pods", "up"])?;
        inside(&["address", "add", &link, "dev", "pods"])?;
        inside(&["route", "add", "local", &pods, "dev", "lo"])
    }
}

/// The inverse of [`Network::pod`]; addresses that are no pod's have numbers too large for any.
fn number(address: SocketAddr) -> usize {
    match address.ip() {
        IpAddr::V4(address) => {
            let [_, _, third, fourth] = address.octets();
            usize::from(third) * 250 + usize::from(fourth).wrapping_sub(1)
        }
        IpAddr::V6(_) => usize::MAX,
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Its link goes with it, and with the link its address and route.
        if let Err(error) = ip(&["netns", "delete", &self.name]) {
            println!("{} could not be removed: {error}", self.name);
        }
    }
}

/// Removes the namespaces of processes that ended without dropping them.
fn remove_stale() {
    let list = ip_output(&["netns", "list"]).unwrap_or_default();
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if !std::path::Path::new(&format!("/proc/{owner}")).exists() {
            // Another test may be removing it at this moment.
            ip(&["netns", "delete", name]).ok();
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    ip_output(arguments).map(drop)
}

fn ip_output(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("ip {}: {}", arguments.join(" "), text(&output.stderr)))
    }
}
