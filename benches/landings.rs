//! Reads when the files below a folder landed, as gates do: a program that `benches/history`
//! builds, times and verifies.
//!
//! Arguments: a repository, a folder or file on its `main`, and a time in seconds since 1970 or
//! `all`. Prints how many versions there are of each file.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use pinrail::domain::tree::files_below;
use pinrail::store::{Access, Location, Pace, Reading, StateRepo};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, folder, since] = &arguments[..] else {
        // As `cargo bench` runs it.
        return Ok(());
    };
    let since = match since.as_str() {
        "all" => None,
        seconds => Some(Timestamp::from_second(seconds.parse()?)?),
    };
    let location = Location::Path(PathBuf::from(repository));
    let pace = Pace::until(Duration::from_secs(600));
    let mut repo = StateRepo::open(&location, &Access::default(), pace, true)?;
    let main = "main".parse()?;
    let tips = repo.read(&Reading::whole(std::slice::from_ref(&main)))?;
    let tip = tips.get(&main)?.ok_or("no branch `main`")?;
    let below = files_below(&tip, folder)?;
    let paths = if below.is_empty() { vec![folder.clone()] } else { below };
    let landings = tip.landings(&paths, since)?.ok_or("history is cut")?;
    let counts: BTreeMap<_, _> =
        landings.iter().map(|(path, versions)| (path, versions.len())).collect();
    serde_json::to_writer(std::io::stdout(), &counts)?;
    Ok(())
}
