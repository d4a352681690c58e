//! A relay that is told to end: it says so, and goes on until others have its targets, as the product's does.

use std::time::Duration;

use relay::contact::BootTime;

use super::World;
use super::event::{Event, Process, Timer};
use super::network::Up;

/// How long a relay waits for others to take its targets.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it looks.
const EVERY: Duration = Duration::from_millis(50);

/// What a relay on its way out knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    asked: Duration,
    /// When another process is started.
    down: Option<Duration>,
    /// Since when nothing is held.
    empty: Option<BootTime>,
}

impl World {
    /// SIGTERM.
    pub(super) fn end_relay(&mut self, index: usize, down: Option<Duration>) {
        let asked = self.now;
        let Some(running) = self.relays[index].process.as_mut().filter(|it| it.leaving.is_none()) else {
            return;
        };
        running.leaving = Some(Leaving { asked, down, empty: None });
        let process = Process { index, number: running.number };
        if let Some(id) = running.link.as_ref().filter(|link| link.accepted).map(|link| link.id) {
            self.say_leaving(process, id);
        }
        self.after(EVERY, Event::Leave(process));
    }

    /// Says on an open stream that the process is about to end, if it is.
    pub(super) fn say_leaving(&mut self, process: Process, id: u64) {
        if self.running(process).is_some_and(|running| running.leaving.is_some()) {
            let hello = self.hello(process.index);
            self.send_up(id, Up::Hello(Box::new(hello)));
        }
    }

    /// A change was acknowledged.
    pub(super) fn acknowledged_while_leaving(&mut self, process: Process, id: u64) {
        let boot = self.boot(process.index);
        let Some(running) = self.running(process) else { return };
        let is_empty = running.state.held().targets.is_empty();
        let Some(leaving) = &mut running.leaving else { return };
        leaving.empty = if is_empty { leaving.empty.or(Some(boot)) } else { None };
        if is_empty {
            self.timer(process, id, Timer::Heartbeat, Duration::ZERO);
        }
    }

    /// Looks whether there is anything left to wait for.
    pub(super) fn leave(&mut self, process: Process) {
        let (boot, now) = (self.boot(process.index), self.now);
        let Some(running) = &self.relays[process.index].process else { return };
        let Some(leaving) = running.leaving else { return };
        let standing = running.standing(boot, &self.settings);
        let heard = leaving.empty.is_some_and(|since| standing.contact.is_some_and(|at| at >= since));
        if !heard && !standing.alone && now - leaving.asked < PATIENCE {
            return self.after(EVERY, Event::Leave(process));
        }
        self.log(|| format!("relay {} ends (nothing left: {heard})", process.index));
        self.write_slice(process, Duration::ZERO);
        self.relays[process.index].disk.flush(now);
        self.kill_relay(process.index, true);
        if let Some(down) = leaving.down {
            self.start_later(process.index, down);
        }
    }
}
