//! Writes each theme's seeds into `<directory>/<theme>/`, for a fuzzer to begin with.

use damsync_hostile::seeds::themes;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "fuzz/corpus".into()));
    for (theme, _, seeds) in themes() {
        let dir = dir.join(theme);
        std::fs::create_dir_all(&dir)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
