//! A whole relay in this process, between a coordinator and targets that do what a test says.

#[cfg(test)]
mod coordinator;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod target;

#[cfg(test)]
mod alone;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod released;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod scale;
