//! `cargo xtask test compose`: the very stack of `docker-compose.yml` comes up, carries the skeleton's story, and heals
//! from kills. Images are made here, since none can be pulled everywhere; so is an engine where none runs.

mod ask;
mod engine;
mod images;
mod stack;
mod story;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use super::Count;
use crate::{demo, run};
use engine::Engine;
use images::Images;
use stack::Stack;

/// The group's name.
pub const GROUP: &str = "compose";

/// Makes images and an engine, runs every check and cleans up, however it goes.
pub fn run() -> Result<Count> {
    let folder = folder()?;
    let engine = Engine::find_or_start(&folder)?;
    let count = with_engine(&engine, &folder);
    let stopped = engine.stop();
    let count = count?;
    stopped.map(|()| count)
}

fn with_engine(engine: &Engine, folder: &std::path::Path) -> Result<Count> {
    let begun = Instant::now();
    let images = Images::make(engine, folder)?;
    run::go_on()?;
    let stack = Stack::build(engine, &images, folder)?;
    run::go_on()?;
    println!("images: made in {:.1} s", begun.elapsed().as_secs_f32());
    let mut count = play(&stack);
    count += check(&stack, "`down` leaves nothing", |stack| stack.down().map(|()| String::new()));
    stack.remove_images()?;
    Ok(count)
}

/// The checks, until one fails: the next stands on it.
fn play(stack: &Stack<'_>) -> Count {
    let mut count = Count::default();
    for (name, see) in story::CHECKS {
        count += check(stack, name, see);
        if count.failed > 0 || run::go_on().is_err() {
            println!("{}", stack.report());
            break;
        }
    }
    count
}

fn check(stack: &Stack<'_>, name: &str, see: impl FnOnce(&Stack<'_>) -> Result<String>) -> Count {
    let begun = Instant::now();
    let seen = see(stack);
    let took = begun.elapsed().as_secs_f32();
    match seen {
        Ok(figure) if figure.is_empty() => println!("  ok     {took:>5.1} s  {name}"),
        Ok(figure) => println!("  ok     {took:>5.1} s  {name}: {figure}"),
        Err(error) => {
            println!("  FAILED {took:>5.1} s  {name}: {error:#}");
            return Count::failed(1);
        }
    }
    Count::passed(1)
}

/// Where images and the engine's files are.
fn folder() -> Result<PathBuf> {
    let moor = demo::built("moor")?;
    let folder = moor.ancestors().nth(2).context("moor is in no target folder")?.join("compose");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
