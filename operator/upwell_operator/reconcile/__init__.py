"""Gather, plan, act, one status patch: the only place where thought meets memory and hands."""

from upwell_operator.reconcile.reconciler import Reconciler

__all__ = ["Reconciler"]
