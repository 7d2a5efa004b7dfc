//! The machine: which core runs what, and who else is using it.

use crate::Result;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;

/// The core of the server that is measured.
pub const SERVER: usize = 0;
/// The core of the load generator.
pub const GENERATOR: usize = 1;

/// Has the calling thread, and what it starts from now on, run on these cores alone.
pub fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).map_err(|error| format!("cannot run on the cores {cores:?} alone: {error}"))?;
    Ok(())
}

/// The cores that may be used.
pub fn cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// One of `/proc/stat`'s clocks.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    ticks: u64,
}

impl Busy {
    /// CPU time that all processes together have had on the server's and the generator's core.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let of_core = |core: usize| {
            let name = format!("cpu{core} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
            let ticks: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            // user nice system idle iowait irq softirq steal
            let idle = ticks.get(3)? + ticks.get(4)?;
            Some(ticks.iter().take(8).sum::<u64>() - idle)
        };
        Self { ticks: [SERVER, GENERATOR].into_iter().filter_map(of_core).sum() }
    }

    /// CPU seconds since then.
    pub fn seconds(self) -> f64 {
        Self::now().ticks.saturating_sub(self.ticks) as f64 / 100.0
    }
}

/// The load average of the last minute.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

/// The processor and the kernel.
pub fn name() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, Linux {}", cpu.unwrap_or("unknown processor").trim(), kernel.trim())
}
