"""HANDS: the only speaker to Kubernetes, behind the port that local mode implements too."""
