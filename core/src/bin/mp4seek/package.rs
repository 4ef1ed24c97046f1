//! `mp4seek package`

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use mp4seek::packaging::{Address, AddressKind, Presentation};
use mp4seek::request::{Form, Packaging, SegmentDuration};
use mp4seek::source::Identity;
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Error, Seeker, Settings};

use crate::copy::{CopyError, copy, progress};
use crate::input::Input;
use crate::output::{FileSystem, write_whole};
use crate::presented::{failure, offered, say_form, say_growing};
use crate::{Failure, Part};

/// What is packaged, how, and where to.
#[derive(Args)]
pub(crate) struct PackageOptions {
    /// The film; `-` is standard input.
    input: PathBuf,
    /// The folder to write to, which is created. Players are given its hls/master.m3u8, and its
    /// dash/manifest.mpd or, with --segments files, its dash/manifest-template.mpd.
    folder: PathBuf,
    #[command(flatten)]
    part: Part,
    /// For which players: hls, dash, or both.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "hls,dash")]
    packaging: Vec<Protocol>,
    #[command(flatten)]
    segmenting: SegmentOptions,
    /// Write into a folder that is not empty. What an earlier package left there is replaced or
    /// removed. Other files stay.
    #[arg(short, long)]
    force: bool,
    /// No progress bar.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Hls,
    Dash,
}

/// How tracks are cut into segments.
#[derive(Args)]
pub(crate) struct SegmentOptions {
    /// How long segments are, in seconds: 1 to 60. Each ends at the first key frame after that.
    #[arg(long, value_name = "SECONDS", default_value = "6", value_parser = segment_duration)]
    segment_duration: SegmentDuration,
    /// Segments are byte ranges of one file for each track, or files of their own.
    #[arg(long, value_enum, default_value = "ranges")]
    segments: Segments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Segments {
    Ranges,
    Files,
}

impl SegmentOptions {
    pub(crate) fn settings(&self) -> Settings {
        let form = match self.segments {
            Segments::Ranges => Form::Ranges,
            Segments::Files => Form::Segments,
        };
        Settings { segment_duration: self.segment_duration, form, is_strict: true, ..Settings::default() }
    }
}

fn segment_duration(seconds: &str) -> Result<SegmentDuration, String> {
    SegmentDuration::from_directive(seconds.as_bytes())
        .ok_or_else(|| "a whole number of seconds, 1 to 60".to_owned())
}

pub(crate) fn run(options: &PackageOptions) -> Result<(), Failure> {
    let film = Input::open(&options.input)?;
    let package = Package::of(&film, options).map_err(|e| failure(&film, &e))?;
    let addresses = offered(&film, &package.presentation, package.settings.packaging)?;
    say_growing(&film, &package.presentation, "what is not complete of it is left out");
    say_form(&film, &package.presentation, package.settings.form, package.settings.packaging);
    // What cannot be read is found before anything is written.
    let len = addresses.iter().map(|&address| Ok(package.file(address)?.len())).sum::<Result<_, Error>>();
    let bar = progress(len.map_err(|e| failure(&film, &e))?, options.quiet);
    open(&options.folder, options.force, &film, &addresses)?;
    let disk = FileSystem::of(&options.folder)?;
    let mut may_have_old_playlists = true;
    let mut write = |address: Address, file: &VirtualFile| {
        let path = path(&options.folder, address);
        let folder = path.parent().unwrap_or(&options.folder);
        fs::create_dir_all(folder).map_err(|e| Failure::io("create", folder, e))?;
        let read =
            |offset, out: &mut [u8]| file.read_at(&film.file, offset, out).map_err(|e| film.unread(&e));
        let is_old = |path: &Path| is_media(&address) && fs::symlink_metadata(path).is_ok();
        let has_old_playlists = may_have_old_playlists && is_old(&path);
        write_whole(&path, |out| {
            copy(file.len(), read, out, &bar)?;
            if has_old_playlists {
                // They are about the bytes that go now, whatever becomes of this package.
                remove(&options.folder, |address| !is_media(address)).map_err(CopyError::Other)?;
                may_have_old_playlists = false;
            }
            Ok(())
        })
    };
    let (media, playlists): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| is_media(address));
    for address in media {
        let file = package.file(address).map_err(|e| failure(&film, &e))?;
        if holds(&path(&options.folder, address), &file, &film) {
            bar.inc(file.len());
        } else {
            write(address, &file)?;
        }
    }
    // A playlist names nothing that a full disk or a power failure could still take.
    disk.sync()?;
    for address in playlists {
        write(address, &package.file(address).map_err(|e| failure(&film, &e))?)?;
    }
    disk.sync()?;
    bar.finish_and_clear();
    // What an earlier package left there and this one does not have.
    let kept: HashSet<_> = addresses.iter().collect();
    remove(&options.folder, |address| !kept.contains(address))
}

/// A film as a server packages it.
struct Package<'a> {
    film: &'a Input,
    identity: Identity,
    seeker: Seeker,
    settings: Settings,
    query: String,
    presentation: Presentation,
}

impl<'a> Package<'a> {
    fn of(film: &'a Input, options: &PackageOptions) -> Result<Self, Error> {
        let wanted = |protocol| options.packaging.contains(&protocol);
        let packaging = Packaging { hls: wanted(Protocol::Hls), dash: wanted(Protocol::Dash) };
        // The files of a clip are those of no other: a query would name nothing.
        let settings = Settings {
            packaging,
            has_plain_links: true,
            now: Some(SystemTime::now()),
            ..options.segmenting.settings()
        };
        let (identity, seeker, query) = (film.identity(), Seeker::default(), options.part.query(None));
        let presentation = seeker.presentation(&film.file, &identity, query.as_bytes(), &settings)?;
        Ok(Self { film, identity, seeker, settings, query, presentation })
    }

    /// What a server would answer there.
    fn file(&self, address: Address) -> Result<VirtualFile, Error> {
        let Self { film, identity, settings, query, .. } = self;
        match self.seeker.answer_address(&film.file, identity, address, query.as_bytes(), settings)? {
            Answer::Film(file) => Ok(*file),
            Answer::Plain(_) => Err(Error::NoSuchAddress),
        }
    }
}

/// Whether it is what playlists name, and none.
fn is_media(address: &Address) -> bool {
    matches!(address.kind(), AddressKind::Cmaf | AddressKind::Text)
}

/// Where the resource of an address is written to.
fn path(folder: &Path, address: Address) -> PathBuf {
    folder.join(address.to_string().trim_start_matches('/'))
}

/// Whether a file has these bytes already.
fn holds(path: &Path, file: &VirtualFile, film: &Input) -> bool {
    const WINDOW: usize = 1 << 20;
    // No link, and nothing that could keep its reader waiting.
    if !fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && there.len() == file.len()) {
        return false;
    }
    let Ok(there) = File::open(path) else { return false };
    (0..file.len()).step_by(WINDOW).all(|at| {
        let window = usize::try_from(file.len() - at).unwrap_or(WINDOW).min(WINDOW);
        let (mut old, mut new) = (vec![0; window], vec![0; window]);
        let is_read = there.read_exact_at(&mut old, at).and_then(|()| file.read_at(&film.file, at, &mut new));
        is_read.is_ok() && old == new
    })
}

/// Creates the folder, or looks whether it may be written to.
fn open(folder: &Path, force: bool, film: &Input, addresses: &[Address]) -> Result<(), Failure> {
    let fail = |e: io::Error| Failure::io("write to", folder, e);
    match fs::metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return fs::create_dir_all(folder).map_err(|e| Failure::io("create", folder, e));
        }
        Err(e) => return Err(fail(e)),
        Ok(there) if !there.is_dir() => return Err(Failure::io("write to", folder, "it is no folder")),
        Ok(_) => {}
    }
    if !force && fs::read_dir(folder).map_err(fail)?.next().is_some() {
        let reason = "it is not empty; --force replaces a package that is there, and keeps other files";
        return Err(Failure::io("write to", folder, reason));
    }
    let is_film = |path: &Path| fs::metadata(path).is_ok_and(|there| film.is(&there));
    let mut files = packaged_files(folder).map_err(fail)?.into_iter().map(|(_, path)| path);
    let mut written = addresses.iter().map(|&address| path(folder, address));
    match files.find(|path| is_film(path)).or_else(|| written.find(|path| is_film(path))) {
        Some(path) => Err(Failure::io("write", &path, "it is the film itself")),
        None => Ok(()),
    }
}

/// Removes those files of an earlier package.
fn remove(folder: &Path, is_to_go: impl Fn(&Address) -> bool) -> Result<(), Failure> {
    let files = packaged_files(folder).map_err(|e| Failure::io("read", folder, e))?;
    for (address, path) in files.iter().filter(|(address, _)| is_to_go(address)) {
        fs::remove_file(path).map_err(|e| Failure::io("remove", path, e))?;
        // A folder stays as long as something is in it.
        let folders = path.ancestors().skip(1).take(address.to_string().matches('/').count() - 1);
        folders.for_each(|folder| drop(fs::remove_dir(folder)));
    }
    Ok(())
}

/// The files of a folder that have the name of an address. A folder of such a name is none. Symbolic
/// links to folders are not followed.
fn packaged_files(folder: &Path) -> io::Result<Vec<(Address, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders: Vec<_> =
        ["hls", "dash", "cmaf", "text"].map(|name| (format!("/{name}"), folder.join(name))).into();
    while let Some((name, folder)) = folders.pop() {
        match fs::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {}
            _ => continue,
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            if let Some(address) = Address::parse(name.as_bytes()) {
                if !entry.file_type()?.is_dir() {
                    found.push((address, entry.path()));
                }
            } else if name.matches('/').count() < 3 {
                folders.push((name, entry.path()));
            }
        }
    }
    Ok(found)
}
