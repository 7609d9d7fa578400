//! Dates and times as XMPP writes them (XEP-0082, XML Schema part 2).

use crate::machine::Utc;
use std::fmt;

const DAY: i64 = 24 * 60 * 60 * 1000;
const HOUR: i64 = 60 * 60 * 1000;
const MINUTE: i64 = 60 * 1000;

/// Writes a time in UTC, for example `2002-09-10T23:08:25Z`; milliseconds where there are any.
///
/// [`parse`] reads what this wrote for the years 0000 to 9999.
pub fn format(time: Utc) -> String {
    DateTime(time).to_string()
}

/// Reads a DateTime of XEP-0082 section 3.2: `CCYY-MM-DDThh:mm:ss[.sss]TZD`, with the time zone `Z` or an offset of up to 14
/// hours. Fractions beyond the millisecond are cut off. `None` for anything else: years of more than four digits, days that
/// the month does not have, leap seconds.
pub fn parse(text: &str) -> Option<Utc> {
    let (date, rest) = text.split_once('T')?;
    let mut at = midnight(date)?;
    let (clock, rest) = rest.split_at_checked(8)?;
    at += clock_millis(clock)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest.split_at_checked(digits).filter(|(fraction, _)| !fraction.is_empty())?
        }
        None => ("0", rest),
    };
    let millis = millis(fraction);
    if clock.starts_with("24") && fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    Some(Utc::from_unix_millis(at + millis - offset(zone)?.millis()))
}

/// How far a time zone's clocks are ahead of UTC (XEP-0082's TZD).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offset {
    minutes: i16,
}

impl Offset {
    /// UTC itself.
    pub const UTC: Offset = Offset { minutes: 0 };

    /// The greatest offset that XML Schema allows, in minutes: 14 hours.
    pub const MAX_MINUTES: i16 = 14 * 60;

    /// Ahead of UTC by so many minutes (behind it, where negative). `None` beyond [`MAX_MINUTES`](Offset::MAX_MINUTES).
    pub const fn from_minutes(minutes: i16) -> Option<Offset> {
        if minutes > Offset::MAX_MINUTES || minutes < -Offset::MAX_MINUTES {
            return None;
        }
        Some(Offset { minutes })
    }

    /// Minutes ahead of UTC.
    pub const fn minutes(self) -> i16 {
        self.minutes
    }

    fn millis(self) -> i64 {
        i64::from(self.minutes) * MINUTE
    }
}

/// As XEP-0202 wants it: `-05:00`, `+00:00`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Reads `Z` or `(+|-)hh:mm`.
pub fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (negative, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        (None, None) => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = 60 * number(hours, 2)? + number(minutes, 2).filter(|minutes| *minutes < 60)?;
    let minutes = i16::try_from(minutes).ok()?;
    Offset::from_minutes(if negative { -minutes } else { minutes })
}

/// A time, printed in UTC.
struct DateTime(Utc);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.unix_millis();
        let (year, month, day) = civil(millis.div_euclid(DAY));
        let of_day = millis.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / HOUR, of_day % HOUR / MINUTE, of_day % MINUTE / 1000);
        let sign = if year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", year.unsigned_abs())?;
        match of_day % 1000 {
            0 => f.write_str("Z"),
            fraction => write!(f, ".{fraction:03}Z"),
        }
    }
}

/// Milliseconds from the epoch to the beginning of a day `CCYY-MM-DD`.
fn midnight(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day) * DAY)
}

/// Milliseconds from midnight to `hh:mm:ss`; 24:00:00 is the end of the day (XML Schema part 2 section 3.2.7).
fn clock_millis(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let in_day = hour < 24 || (hour, minute, second) == (24, 0, 0);
    if parts.next().is_some() || !in_day || minute > 59 || second > 59 {
        return None;
    }
    Some(hour * HOUR + minute * MINUTE + second * 1000)
}

/// The first three digits of a fraction of a second.
fn millis(fraction: &str) -> i64 {
    let digit = |at: usize| i64::from(fraction.as_bytes().get(at).map_or(0, |byte| byte.wrapping_sub(b'0')));
    100 * digit(0) + 10 * digit(1) + digit(2)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Years are counted from March, so that the leap day is the
/// last of its year, in eras of 400 years, after which everything repeats.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_IN_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Year, month and day, so many days after 1970-01-01. The reverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(DAYS_IN_ERA), days.rem_euclid(DAYS_IN_ERA));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

const DAYS_IN_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;
