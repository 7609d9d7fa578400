//! The bot on blocking sockets: no runtime, and no thread but this one once it is connected.

use echo::{Bot, Failure};
use waxwing_core::client::Client;
use waxwing_std::dial::{Dialer, system_config};
use waxwing_std::{Clock, Driver, entropy};

fn main() -> std::process::ExitCode {
    echo::exit(run())
}

fn run() -> Result<(), Failure> {
    let mut bot = Bot::from_args()?;
    let (socket, route) = Dialer::new(bot.target.clone(), system_config())?.dial()?;
    let clock = Clock::start();
    let client = Client::new(bot.config(&route), clock.now(), entropy()?);
    let mut driver = Driver::new(client, socket, clock)?;
    while let Some(event) = driver.next_event(None)? {
        bot.react(driver.machine_mut(), clock.now(), event)?;
    }
    Ok(())
}
