//! Two equal worlds at the same time of day: one asked directly, one through the client and HTTP.

use crate::question::{Ask, Told, perform};
use bytes::Bytes;
use damsync_model::policy::Policy;
use damsync_ports::SignedUrl;
use damsync_remote::{Auth, Mediagraph, Settings};
use damsync_sandbox::world::asset::{Asset, Content, Place};
use damsync_sandbox::world::folder::Folder;
use damsync_sandbox::world::user::UserId;
use damsync_sandbox::world::{Habits, World};
use damsync_sandbox::{Clock, Options, Running, serve_by};
use damsync_simulator::remote::{Server, WorldRemote};
use damsync_simulator::run::Trace;
use damsync_simulator::stage::Stage;
use damsync_simulator::time::Time;
use damsync_simulator::weather::{Script, Weather};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A sandbox that is served, for one pair after the other.
pub struct Served {
    runtime: Runtime,
    running: Running,
    now: Arc<AtomicI64>,
    _data: tempfile::TempDir,
}

impl Served {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let data = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(0));
        let clock = Clock::new({
            let now = Arc::clone(&now);
            move || now.load(Ordering::SeqCst)
        });
        let options = Options { data: data.path().to_owned(), listen: "127.0.0.1:0".parse().unwrap(), seed: 1 };
        let running = runtime.block_on(serve_by(options, clock)).unwrap();
        Self { runtime, running, now, _data: data }
    }
}

/// Who and what there is at the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// The user whom both sides ask for.
    pub client: UserId,
    /// The folder of the simulator's mirror.
    pub mirrored: i64,
    /// Another one.
    pub elsewhere: i64,
}

fn world(seed: u64, now: i64) -> (World, Cast) {
    let mut world = World::new(seed, now);
    let mirrored = world.admin_folder("Studio", now).unwrap().id;
    let elsewhere = world.admin_folder("Elsewhere", now).unwrap().id;
    let client = world.add_user("Client", "1", now);
    (world, Cast { client, mirrored, elsewhere })
}

/// What the two sides said, where they did not say the same.
#[derive(Debug)]
pub struct Drift(pub String);

/// See the module.
pub struct Pair<'a> {
    pub cast: Cast,
    served: &'a Served,
    /// Its time is the simulator's; it passes only when somebody lets it.
    still: Runtime,
    time: Time,
    weather: Weather,
    stage: Arc<Stage>,
    inside: WorldRemote,
    outside: Mediagraph,
    addresses: [Mutex<Vec<SignedUrl>>; 2],
    asked: Vec<String>,
    /// The methods asked, and the refusals that came of them.
    pub met: BTreeSet<String>,
}

impl<'a> Pair<'a> {
    pub fn new(served: &'a Served, seed: u64, habits: &Habits) -> Self {
        let still = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let time = still.block_on(async { Time::begin() });
        let now = still.block_on(async { time.ms() });
        served.now.store(now, Ordering::SeqCst);
        let (one, cast) = world(seed, now);
        let (other, _) = world(seed, now);
        let token = one.any_user(cast.client).unwrap().token.clone();
        let organization_id = u64::try_from(one.organization_id()).unwrap();
        served.running.operate(|world, _| *world = other);
        let server = Arc::new(Server::new(one, cast.mirrored, cast.elsewhere, vec![cast.client]));
        let stage = Arc::new(Stage::new(Vec::new(), server, time, Policy::default()));
        let weather = Weather::new(0, Arc::clone(&stage), Trace::None);
        let inside = WorldRemote::new(Arc::clone(&stage), cast.client, weather.clone(), Arc::new(|_| {}));
        let settings = Settings {
            retry_base_delay: Duration::from_millis(1),
            ..Settings::new(&served.running.base_url, Auth::Personal { token: token.into(), organization_id })
        };
        let outside = Mediagraph::new(settings).unwrap();
        let mut pair = Self {
            cast,
            served,
            still,
            time,
            weather,
            stage,
            inside,
            outside,
            addresses: Default::default(),
            asked: Vec::new(),
            met: BTreeSet::new(),
        };
        pair.set_habits(habits);
        pair
    }

    /// The time of both worlds.
    pub fn now(&self) -> i64 {
        self.still.block_on(async { self.time.ms() })
    }

    /// Lets time pass in both worlds.
    pub fn wait(&mut self, ms: u64) {
        self.asked.push(format!("wait {ms} ms"));
        self.still.block_on(self.time.pass(ms));
        self.served.now.store(self.now(), Ordering::SeqCst);
    }

    fn inside_world<T>(&self, act: impl FnOnce(&mut World, i64) -> T) -> T {
        let now = self.now();
        act(&mut self.stage.server.world(), now)
    }

    /// An operator does the same to both worlds.
    pub fn operate<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, act: impl Fn(&mut World, i64) -> T) -> T {
        self.asked.push(format!("operator: {what}"));
        let inside = self.inside_world(&act);
        let outside = self.served.running.operate(&act);
        assert_eq!(inside, outside, "{what}: the worlds are not equal any more\n{}", self.story());
        inside
    }

    /// The same with bytes, which each side keeps in its own way.
    pub fn operate_with<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        bytes: &Bytes,
        act: impl Fn(&mut World, Content, i64) -> T,
    ) -> T {
        self.asked.push(format!("operator: {what}"));
        let content = self.stage.server.keep(bytes.clone());
        let inside = self.inside_world(|world, now| act(world, content, now));
        let content = self.served.running.keep(bytes).unwrap();
        let outside = self.served.running.operate(|world, now| act(world, content, now));
        assert_eq!(inside, outside, "{what}: the worlds are not equal any more\n{}", self.story());
        inside
    }

    /// Both servers behave so from now on.
    pub fn set_habits(&mut self, habits: &Habits) {
        self.operate(&format!("{habits:?}"), |world, now| world.set_habits(habits.clone(), now));
    }

    /// One server behaves so, and the other does not: what a suite that sees drift must see.
    pub fn bend(&mut self, habits: &Habits) {
        self.inside_world(|world, now| world.set_habits(habits.clone(), now));
    }

    /// How many signed addresses were given out.
    pub fn addresses(&self) -> usize {
        self.addresses[0].lock().unwrap().len()
    }

    /// Asks both sides.
    pub fn ask(&mut self, ask: &Ask) -> Told {
        self.compare(ask).unwrap_or_else(|drift| panic!("{}", drift.0))
    }

    /// Asks both sides, and says where they differ.
    pub fn compare(&mut self, ask: &Ask) -> Result<Told, Drift> {
        let before = self.now();
        self.weather.begin(fair());
        let inside = self.still.block_on(perform(&self.inside, ask, &self.addresses[0]));
        let after = self.now();
        assert!(ask.takes_time() || before == after, "in fair weather a question takes no time: {ask:?}");
        let jobs = self.jobs();
        let outside = self.served.runtime.block_on(async {
            tokio::select! {
                told = perform(&self.outside, ask, &self.addresses[1]) => told,
                () = self.let_a_job_run(jobs, after) => unreachable!("it waits for ever"),
            }
        });
        self.served.now.store(after, Ordering::SeqCst);
        self.asked.push(format!("{ask:?}\n      → {inside:?}"));
        if inside != outside {
            let story = self.story();
            return Err(Drift(format!(
                "{ask:?}\n  the world says   {inside:#?}\n  over HTTP it is  {outside:#?}\n{story}"
            )));
        }
        self.met.insert(ask.method());
        if let Told::Refused(kind) = &inside {
            self.met.insert(format!("{}: {kind}", ask.method()));
        }
        Ok(inside)
    }

    /// In the simulator a background job takes as long as it takes the world. Over HTTP the client polls in real time, so
    /// the world's clock is put forward to where the simulator's stands as soon as the job was asked for.
    async fn let_a_job_run(&self, before: usize, until: i64) {
        while self.jobs() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.served.now.store(until, Ordering::SeqCst);
        std::future::pending().await
    }

    /// How many jobs were asked for over HTTP so far.
    fn jobs(&self) -> usize {
        self.served.running.operate(|world, now| world.jobs(self.cast.client, now).map_or(0, |jobs| jobs.len()))
    }

    /// Both worlds, as their operators see them.
    pub fn compare_worlds(&self) -> Result<(), Drift> {
        let picture = |world: &World| -> (Vec<Asset>, Vec<Folder>) {
            (world.all_assets().map(|asset| without_places(asset)).collect(), world.all_folders().cloned().collect())
        };
        let inside = self.inside_world(|world, now| {
            world.tick(now);
            picture(world)
        });
        let outside = self.served.running.operate(|world, now| {
            world.tick(now);
            picture(world)
        });
        if inside == outside {
            return Ok(());
        }
        Err(Drift(format!("inside {inside:#?}\nover HTTP {outside:#?}\n{}", self.story())))
    }

    /// What happened so far, the last of it.
    fn story(&self) -> String {
        let from = self.asked.len().saturating_sub(60);
        format!("after:\n  {}", self.asked[from..].join("\n  "))
    }
}

/// A script whose calls take no time: the first few at least, and no question but a job needs more.
fn fair() -> Script {
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = *SEED.get_or_init(|| {
        let still = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        still.block_on(async {
            let time = Time::begin();
            let (world, cast) = world(0, time.ms());
            let server = Arc::new(Server::new(world, cast.mirrored, cast.elsewhere, vec![cast.client]));
            let weather =
                Weather::new(0, Arc::new(Stage::new(Vec::new(), server, time, Policy::default())), Trace::None);
            let mut seed = 0;
            loop {
                let begun = time.ms();
                weather.begin(Script { seed, ..Script::default() });
                for _ in 0..3 {
                    let turn = weather.turn("look for fair weather", &[]).await;
                    weather.end(turn).await;
                }
                if time.ms() == begun {
                    return seed;
                }
                seed += 1;
            }
        })
    });
    Script { seed, ..Script::default() }
}

/// Where bytes lie is each side's own business.
fn without_places(asset: &Asset) -> Asset {
    let mut asset = asset.clone();
    for content in asset.versions.iter_mut().filter_map(|version| version.content.as_mut()) {
        content.place = Place::Generated(0);
    }
    asset
}
