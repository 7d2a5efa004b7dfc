//! Remembers nonces as the service does at a steady 20,000 in a second, and says what each takes: resident bytes, and the
//! longest time in microseconds. In a process of its own with the service's allocator, so that nothing else is counted.

use bench::Result;
use bench::chance::Chance;
use data_service::Memory;
use std::fs;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Nonces in a second.
const RATE: u64 = 20_000;
/// Seconds that are remembered.
const WINDOW: i64 = 300;
/// Any time.
const BEGIN: i64 = 1_800_000_000;

fn main() -> Result<()> {
    let empty = resident()?;
    let memory = Memory::new(BEGIN - WINDOW);
    let mut chance = Chance::new();
    let mut longest = Duration::ZERO;
    // Twice the window: in the second half as many are forgotten as come.
    for second in BEGIN..BEGIN + 2 * WINDOW {
        let mut others = interrupted()?;
        for _ in 0..RATE {
            let print = chance.bits();
            let begun = Instant::now();
            let fresh = memory.insert(second, print);
            let took = begun.elapsed();
            if took > longest {
                // Only what nobody came between counts.
                let now = interrupted()?;
                longest = if now == others { took } else { longest };
                others = now;
            }
            if !fresh {
                return Err("a new nonce was taken for an old one".into());
            }
        }
        memory.forget_before(second - WINDOW + 1);
    }
    let (live, wanted) = (memory.live(), RATE * WINDOW as u64);
    if live != wanted {
        return Err(format!("{live} nonces are remembered instead of {wanted}").into());
    }
    let bytes = resident()?.saturating_sub(empty) as f64 / live as f64;
    println!("{bytes} {}", longest.as_secs_f64() * 1e6);
    Ok(())
}

/// How often others were let before this thread: what they do meanwhile is no matter of the table's.
fn interrupted() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    Ok(line.ok_or("the kernel does not say")?.trim().parse()?)
}

/// Resident bytes of this process.
fn resident() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("the kernel does not say")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
