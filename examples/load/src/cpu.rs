//! Another process's CPU time and memory.

use std::time::Duration;

/// User and system time that a process and its threads have used.
pub fn time_of(pid: u32) -> Result<Duration, String> {
    let file = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&file)
        .map_err(|e| format!("cannot read {file}: {e}; is that the server's process?"))?;
    let ticks = ticks(&text).ok_or_else(|| format!("{file} is not as proc(5) says"))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second)))
}

/// The memory of a process that is in use and not swapped out, in bytes.
pub fn memory_of(pid: u32) -> Result<u64, String> {
    let file = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {file}: {e}"))?;
    resident(&text).ok_or_else(|| format!("{file} is not as proc(5) says"))
}

/// Lets this process have as many files open as it may: each connection is one.
pub fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot, connections fail, and that is told.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// utime and stime, fields 14 and 15. The second field, the command's name in parentheses, may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11).map(str::parse::<u64>);
    match (fields.next()?, fields.next()?) {
        (Ok(user), Ok(system)) => user.checked_add(system),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_may_be_called_anything() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194304 100 0 0 0 30 12 5 6 20 0 1 0 1000 0 0";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("17 (x"), None);
    }

    #[test]
    fn memory_is_given_in_units_of_1024_bytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    12 kB\n"), Some(12 * 1024));
        assert!(memory_of(std::process::id()).is_ok());
    }

    #[test]
    fn our_own_time_can_be_read() {
        assert!(time_of(std::process::id()).is_ok());
    }
}
