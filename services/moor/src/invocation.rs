//! One run of `moor`: where it asks, where short names belong, how it prints. What every noun does the same way is here.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    args::Global,
    client::{Client, Rpc, Whose},
    failure::Failure,
    labels::Labels,
    output::{Format, Row},
    past::Place,
    preview::Preview,
    resolve::{Argument, Home, Reference},
};

/// How many of a list are asked for at once: the most that the API gives.
pub const PAGE_SIZE: i32 = 1000;

/// A thing with a name that Get reads.
pub trait Resource: Row + Sized {
    /// The name that `argument` gives it.
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure>;
    /// Reads it.
    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure>;
    /// Its full name, with the id.
    fn name(&self) -> &str;
    /// The word that people use for it.
    fn label(&self) -> &str;
}

/// A kind of which several are read at once.
pub trait Batch: Resource {
    /// Reads those of these names, all in `parent`.
    async fn batch(moor: &Invocation, parent: String, names: Vec<String>) -> Result<Vec<Self>, Failure>;
}

/// One run.
pub struct Invocation {
    /// The way to the resource service.
    pub resource: Client,
    /// The way to the binding service.
    pub binding: Client,
    /// The way to the health service.
    pub health: Client,
    /// The way to the gateway that answers for itself and for the log.
    pub dataplane: Client,
    /// Where short names belong.
    pub home: Home,
    /// The log to ask instead of a server.
    pub log: Option<String>,
    /// How results are printed.
    pub output: Format,
    /// The id of the one write that this run may do.
    pub request_id: String,
    /// Whether that write is only to be validated.
    pub validate_only: bool,
    /// What it would have stored.
    preview: Mutex<Option<Preview>>,
}

impl Invocation {
    /// What the flags say. Fails when a server's URL is none.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let (servers, timeout) = (&global.servers, global.timeout);
        let (role, project, seen) = (global.role, global.project.clone(), global.min_position);
        let whose = Whose { role, project, seen };
        let resource = Client::new(servers.resource(), whose, timeout)?;
        let binding = resource.beside(servers.binding())?;
        let health = resource.beside(servers.health())?;
        Ok(Self {
            dataplane: resource.beside(servers.dataplane())?,
            resource,
            binding,
            health,
            home: Home { project: global.project.clone(), region: global.region.clone() },
            log: global.log.clone(),
            output: global.output,
            request_id: global.request_id.unwrap_or_else(Uuid::now_v7).to_string(),
            validate_only: global.validate_only,
            preview: Mutex::default(),
        })
    }

    /// The log that is asked instead of a server, said by --log or by a verb's own PLACE.
    pub fn place(&self, own: Option<&str>) -> Result<Option<Place>, Failure> {
        match (own, self.log.as_deref()) {
            (Some(_), Some(_)) => Err(Failure::usage("--log and PLACE both say a log: leave one out")),
            (Some(place), None) => Place::find(place, &self.home).map(Some),
            (None, Some(log)) => {
                let place = Place::find(log, &self.home);
                place.map(Some).map_err(|failure| failure.of_argument("PLACE", "--log"))
            }
            (None, None) => Ok(None),
        }
    }

    /// Every server that this run may ask, each once.
    pub fn servers(&self) -> Vec<&Client> {
        let mut all: Vec<&Client> = Vec::new();
        for client in [&self.resource, &self.binding, &self.health, &self.dataplane] {
            if all.iter().all(|known| known.server().url != client.server().url) {
                all.push(client);
            }
        }
        all
    }

    /// What every write has: its id, and whether it is only to be validated.
    pub fn of_write(&self) -> (String, bool) {
        (self.request_id.clone(), self.validate_only)
    }

    /// Asks for a change. `message` carries [`Self::request_id`], so that its tries are one, and [`Self::validate_only`].
    pub async fn write<T: Clone, R>(
        &self,
        client: &Client,
        message: T,
        rpc: impl Rpc<T, R>,
    ) -> Result<R, Failure> {
        let answer = client.ask(message, rpc).await.map_err(|failure| failure.of_write(&self.request_id))?;
        if self.validate_only {
            let preview = Preview::of(answer.metadata())?;
            self.preview.lock().unwrap_or_else(PoisonError::into_inner).replace(preview);
        }
        Ok(answer.into_inner())
    }

    /// Reads page after page; `page` takes a token, and gives rows and the next token.
    pub async fn pages<R>(
        &self,
        page: impl AsyncFn(String) -> Result<(Vec<R>, String), Failure>,
    ) -> Result<Vec<R>, Failure> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let (rows, next) = page(token.clone()).await?;
            all.extend(rows);
            if next.is_empty() {
                return Ok(all);
            }
            if next == token {
                return Err(Failure::bad_answer("the server gave the same page token twice"));
            }
            token = next;
        }
    }

    /// Reads the thing that `argument` names.
    pub async fn find<R: Resource>(&self, argument: Argument<'_>) -> Result<R, Failure> {
        let name = R::reference(argument, &self.home)?.name;
        R::get(self, name).await.map_err(|failure| argument.failed(failure))
    }

    /// Prints what is named at `place`: one thing as such, several as a list.
    pub async fn show_found<R: Batch>(&self, place: &'static str, texts: &[String]) -> Result<(), Failure> {
        if let [text] = texts {
            return self.show(&self.find::<R>(Argument::new(place, text)).await?).await;
        }
        let reference = |text: &String| R::reference(Argument::new(place, text), &self.home);
        let names = texts.iter().map(reference).map(|found| found.map(|found| found.name));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let parent =
            names.first().and_then(|name| name.rsplitn(3, '/').nth(2)).unwrap_or_default().to_owned();
        let found = R::batch(self, parent, names).await;
        self.show_all(&found.map_err(|failure| failure.of_argument("names", place))?).await
    }

    /// The name of the thing that `argument` names, for a write: the server finds what is called so. Looked up here, it might be
    /// something else by the time that the same command is tried again with its request id.
    pub fn named<R: Resource>(&self, argument: Argument<'_>) -> Result<String, Failure> {
        Ok(R::reference(argument, &self.home)?.name)
    }

    /// The full name, with the id, of the thing that `argument` names, for a read. Asks only when it does not say that already.
    pub async fn name_of<R: Resource>(&self, argument: Argument<'_>) -> Result<String, Failure> {
        let reference = R::reference(argument, &self.home)?;
        if reference.by_id {
            return Ok(reference.name);
        }
        let found = R::get(self, reference.name).await.map_err(|failure| argument.failed(failure))?;
        Ok(found.name().to_owned())
    }

    /// Prints one thing.
    pub async fn show<R: Row>(&self, row: &R) -> Result<(), Failure> {
        let labels = self.labels(std::slice::from_ref(row)).await;
        match self.take_preview() {
            Some(preview) => self.output.preview(row, &labels, &preview),
            None => self.output.one(row, &labels),
        }
    }

    /// What the write would have stored, if it was only validated.
    fn take_preview(&self) -> Option<Preview> {
        self.preview.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Prints that a write is done, a sentence for people and a value for programs, or what would be.
    pub fn done(&self, sentence: &str, value: Value) -> Result<(), Failure> {
        match self.take_preview() {
            Some(preview) => self.output.say(&preview.text(), &preview.json(value)?),
            None => self.output.say(sentence, &value),
        }
    }

    /// Prints a list.
    pub async fn show_all<R: Row>(&self, rows: &[R]) -> Result<(), Failure> {
        self.output.all(rows, &self.labels(rows).await)
    }

    async fn labels<R: Row>(&self, rows: &[R]) -> Labels {
        match self.output {
            Format::Table => Labels::read(self, rows.iter().flat_map(Row::mentions)).await,
            Format::Json => Labels::default(),
        }
    }
}
