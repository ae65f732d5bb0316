//! How much an instance may have: memory, tables, and instances within it.

use wasmtime::ResourceLimiter;

/// The most elements that the tables of an instance have together. A table's element is 8 bytes.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;
/// The most core instances in a component. Python has about 30.
pub(crate) const CORE_INSTANCES: u32 = 200;
/// The most tables in a component.
pub(crate) const TABLES: u32 = 40;
/// The most memories in a component.
pub(crate) const MEMORIES: u32 = 8;
/// The most handles that a component has at a time, of its own and of ours.
pub(crate) const HANDLES: usize = 4_096;

/// What an instance has, and the most memory that it may have.
#[derive(Debug)]
pub(crate) struct Limits {
    most: usize,
    memory: usize,
    elements: usize,
    refused: bool,
}

impl Limits {
    /// Limits for an instance with so many bytes of memory.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, memory: 0, elements: 0, refused: false }
    }

    /// Whether it asked for more than it may have. Such an instance is in a state of its own making: it is not used
    /// again.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

/// Counts what grows; whether there is room.
fn grows(all: &mut usize, most: usize, current: usize, desired: usize) -> bool {
    let after = all.saturating_sub(current).saturating_add(desired);
    if after <= most {
        *all = after;
    }
    after <= most
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let room = grows(&mut self.memory, self.most, current, desired);
        self.refused |= !room;
        Ok(room)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let room = grows(&mut self.elements, TABLE_ELEMENTS, current, desired);
        self.refused |= !room;
        Ok(room)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
