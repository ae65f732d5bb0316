//! Where the process meets the network: the accept loop, its deadlines and limits, and the guards before routing.
