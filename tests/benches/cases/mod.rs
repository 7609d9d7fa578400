//! What is measured, apart from how: the programs beside this folder measure time, instructions and memory.

mod jid;
mod login;
mod presence;
pub(crate) mod routing;
pub(crate) mod world;
mod xml;

/// Contenders for the same task, measured in turns. The first one is what the others are compared with.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) contenders: Vec<Contender>,
}

pub(crate) struct Contender {
    pub(crate) name: String,
    /// Not for slow instruments: takes long to set up.
    pub(crate) is_large: bool,
    /// Sets it up.
    pub(crate) prepare: Box<dyn FnOnce() -> Work>,
}

/// Does its task so many times. What is to be measured goes through the [`Meter`].
pub(crate) type Work = Box<dyn FnMut(&mut Meter<'_>, u32)>;

/// Measures what it is given to run.
pub(crate) struct Meter<'a>(pub(crate) &'a mut dyn FnMut(&mut dyn FnMut()));

impl Meter<'_> {
    pub(crate) fn run<R>(&mut self, task: impl FnOnce() -> R) -> R {
        let (mut task, mut result) = (Some(task), None);
        (self.0)(&mut || result = task.take().map(|task| task()));
        result.expect("a meter runs what it measures")
    }
}

pub(crate) fn all() -> Vec<Group> {
    [xml::groups(), jid::groups(), login::groups(), routing::groups(), presence::groups()]
        .into_iter()
        .flatten()
        .collect()
}

impl Group {
    fn new(name: &'static str) -> Group {
        Group { name, contenders: Vec::new() }
    }

    /// A contender for a task that takes no preparation.
    fn with<R>(self, name: &str, mut task: impl FnMut() -> R + 'static) -> Group {
        self.with_work(name, false, move || {
            Box::new(move |meter: &mut Meter<'_>, times| {
                meter.run(|| {
                    for _ in 0..times {
                        drop(std::hint::black_box(task()));
                    }
                });
            })
        })
    }

    fn with_work(mut self, name: &str, is_large: bool, prepare: impl FnOnce() -> Work + 'static) -> Group {
        self.contenders.push(Contender { name: name.into(), is_large, prepare: Box::new(prepare) });
        self
    }
}

impl Contender {
    /// Whether this is one of those asked for: all, or those with `filter` in their name or their group's.
    pub(crate) fn is_wanted(&self, group: &Group, filter: Option<&str>) -> bool {
        filter.is_none_or(|filter| format!("{}/{}", group.name, self.name).contains(filter))
    }
}
