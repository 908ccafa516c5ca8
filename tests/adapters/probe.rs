//! Whether a type is `Send` and so on, as a value: an inherent constant takes precedence over that
//! of a trait.

use core::marker::PhantomData;

pub(crate) struct Probe<T>(PhantomData<T>);

impl<T: Send> Probe<T> {
    pub(crate) const IS_SEND: bool = true;
}

impl<T: Sync> Probe<T> {
    pub(crate) const IS_SYNC: bool = true;
}

impl<T: Unpin> Probe<T> {
    pub(crate) const IS_UNPIN: bool = true;
}

pub(crate) trait Otherwise {
    const IS_SEND: bool = false;
    const IS_SYNC: bool = false;
    const IS_UNPIN: bool = false;
}

impl<T> Otherwise for Probe<T> {}
