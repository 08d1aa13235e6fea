package lorawan

// Connections returns how often the network has connected to its broker.
func (n *Network) Connections() uint64 { return n.client.Stats().Connections.Load() }
