//! Another process's CPU time.

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
    fn our_own_time_can_be_read() {
        assert!(time_of(std::process::id()).is_ok());
    }
}
