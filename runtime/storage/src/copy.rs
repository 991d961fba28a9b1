//! Copies of objects.

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::address::{Address, Which};
use crate::error::{Error, MOST_OBJECTS, failed};

/// How often it is asked whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An object, and its copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its own address.
    pub name: String,
    /// Where its copy is.
    pub path: PathBuf,
}

/// Who is told what is going on, and asked whether it is to go on.
pub trait Watch {
    /// So many bytes of so many objects are about to be copied to `folder`; not told where copies are there already.
    fn begin(&self, objects: usize, bytes: u64, folder: &Path);
    /// So many of them are.
    fn progress(&self, bytes: u64);
    /// All of them are, or something failed.
    fn end(&self);
    /// Whether to give up; asked a few times a second, also while a server says nothing.
    fn stopped(&self) -> bool;
}

/// Waits for something, as long as nobody asks for a stop.
pub(crate) async fn unless_stopped<T>(
    watch: &dyn Watch,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let stopped = async {
        while !watch.stopped() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        biased;
        () = stopped => Err(Error::Stopped),
        outcome = work => outcome,
    }
}

/// Copies all objects that an address names.
pub(crate) async fn all(address: &Address, folder: &Path, watch: &dyn Watch) -> Result<Vec<Object>, Error> {
    let mut found = objects(address).await?;
    found.sort_by(|a, b| a.location.cmp(&b.location));
    let places: Vec<PathBuf> = found.iter().map(|object| place(address, object, folder)).collect();
    let is_there = |(object, place): &(&ObjectMeta, &PathBuf)| {
        is_told(object) && place.metadata().is_ok_and(|copy| copy.is_file() && copy.len() == object.size)
    };
    let missing: Vec<(&ObjectMeta, &PathBuf)> = found.iter().zip(&places).filter(|pair| !is_there(pair)).collect();
    if !missing.is_empty() {
        watch.begin(missing.len(), missing.iter().map(|(object, _)| object.size).sum(), folder);
        let mut done = 0;
        let mut outcome = Ok(());
        for (object, place) in missing {
            outcome = one(&*address.store, object, place, &mut done, watch).await;
            if outcome.is_err() {
                break;
            }
        }
        watch.end();
        outcome?;
    }
    let name = |object: &ObjectMeta| format!("{}{}", address.before, object.location);
    Ok(found.iter().zip(places).map(|(object, path)| Object { name: name(object), path }).collect())
}

/// What the storage says of the objects that an address names.
async fn objects(address: &Address) -> Result<Vec<ObjectMeta>, Error> {
    match &address.which {
        Which::One { name, folder } => match address.store.head(name).await {
            Ok(object) => Ok(vec![object]),
            Err(object_store::Error::NotFound { .. }) if *folder => {
                let found = of_folder(&*address.store, name).await?;
                if found.is_empty() { Err(Error::Missing) } else { Ok(found) }
            }
            Err(object_store::Error::NotFound { .. }) => Err(Error::Missing),
            Err(error) => Err(failed(error)),
        },
        Which::Folder(folder) => {
            let found = of_folder(&*address.store, folder).await?;
            if found.is_empty() { Err(Error::Empty) } else { Ok(found) }
        }
        Which::Matching { folder, pattern } => {
            let all = address.store.list(Some(folder));
            let found = collected(all, |object| Which::matches(pattern, object.location.as_ref())).await?;
            if found.is_empty() { Err(Error::NoMatch) } else { Ok(found) }
        }
    }
}

/// The objects right in a folder, without those that are hidden or that say that others are whole (`_SUCCESS`).
async fn of_folder(store: &dyn ObjectStore, folder: &object_store::path::Path) -> Result<Vec<ObjectMeta>, Error> {
    let found = store.list_with_delimiter(Some(folder)).await.map_err(failed)?.objects;
    let hidden = |object: &ObjectMeta| object.location.filename().is_none_or(|name| name.starts_with(['.', '_']));
    // What some programs make of an empty folder is an object of its name.
    let objects: Vec<ObjectMeta> =
        found.into_iter().filter(|object| !hidden(object) && object.location != *folder).collect();
    if objects.len() > MOST_OBJECTS { Err(Error::TooMany) } else { Ok(objects) }
}

async fn collected(
    mut all: BoxStream<'static, object_store::Result<ObjectMeta>>,
    wanted: impl Fn(&ObjectMeta) -> bool,
) -> Result<Vec<ObjectMeta>, Error> {
    let mut found = Vec::new();
    while let Some(object) = all.next().await {
        let object = object.map_err(failed)?;
        if wanted(&object) {
            found.push(object);
        }
        if found.len() > MOST_OBJECTS {
            return Err(Error::TooMany);
        }
    }
    Ok(found)
}

/// Whether the storage says anything by which an object could be told from one that takes its place.
fn is_told(object: &ObjectMeta) -> bool {
    object.e_tag.is_some() || object.version.is_some() || object.last_modified.timestamp_millis() != 0
}

/// Where the copy of an object lies: by all that the storage says of it, so that another one of its name lies elsewhere.
fn place(address: &Address, object: &ObjectMeta, folder: &Path) -> PathBuf {
    let ObjectMeta { location, last_modified, size, e_tag, version } = object;
    let before = &address.before;
    let told = format!("{before}\n{location}\n{size}\n{}\n{e_tag:?}\n{version:?}", last_modified.timestamp_millis());
    let hash = blake3::hash(told.as_bytes()).to_hex();
    folder.join(&hash[..20]).join(location.filename().unwrap_or("object"))
}

/// Copies an object. The copy has its name only once it is whole.
async fn one(
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    place: &Path,
    done: &mut u64,
    watch: &dyn Watch,
) -> Result<(), Error> {
    let write = |cause| Error::File { path: place.to_owned(), cause };
    let folder = place.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).map_err(write)?;
    let mut file = tempfile::Builder::new().prefix(".partial-").tempfile_in(folder).map_err(write)?;
    let begun = store.get(&object.location).await.map_err(failed)?;
    let same = begun.meta.e_tag == object.e_tag || begun.meta.e_tag.is_none() || object.e_tag.is_none();
    if !same || begun.meta.size != object.size {
        return Err(Error::Changed);
    }
    let mut bytes = begun.into_stream();
    let mut size = 0;
    while let Some(part) = bytes.next().await {
        let part = part.map_err(failed)?;
        size += part.len() as u64;
        file.write_all(&part).map_err(write)?;
        *done += part.len() as u64;
        watch.progress(*done);
    }
    if size != object.size {
        return Err(Error::Storage(format!("the storage sent {size} bytes of {}", object.size)));
    }
    file.persist(place).map_err(|error| write(error.error))?;
    Ok(())
}
