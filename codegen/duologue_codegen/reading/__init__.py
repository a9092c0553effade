"""From a tree to a `Contract`. Every misshapen node becomes a finding, and reading goes on."""

from .contract import read_contract

__all__ = ["read_contract"]
