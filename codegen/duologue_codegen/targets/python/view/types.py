"""The types of a contract, and the classes of errors, params and events, in models.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....model import (
    AliasType,
    Contract,
    EnumType,
    Field,
    ObjectType,
    SchemaType,
    TypeDef,
    UnionType,
)
from ....model.forms import Form, class_of_form, forms_of, needs_own_class
from ....model.walk import alias_circles, fields
from ....text.tree import MapNode
from .annotations import IN_MODELS, ForeignNames, Speller, Style
from .fields import bounds_of, examples_of, field_model, own_names
from .inline_classes import inline_classes
from .models import (
    AliasModel,
    Circle,
    ClassModel,
    Default,
    EnumMember,
    EnumModel,
    FieldModel,
    ModelsView,
    TypeModel,
    in_reading_order,
)
from .raw_schema import RawSchemas
from .wording import enum_member, literal, with_deprecation


def models_view(contract: Contract, foreign: ForeignNames) -> ModelsView:
    """models.py of `contract`."""
    return _Builder(contract, foreign).view()


def _field_names(contract: Contract) -> Iterator[str]:
    """Every name in the body of a class of models.py."""
    for owned in fields(contract):
        yield owned.field.name
    for type_ in contract.types.values():
        if isinstance(type_, UnionType):
            yield type_.tag
        elif isinstance(type_, SchemaType) and isinstance(
            properties := type_.schema.get("properties"), MapNode
        ):
            yield from (entry.key.text for entry in properties.entries)


class _Builder:
    """Builds the view of models.py."""

    def __init__(self, contract: Contract, foreign: ForeignNames) -> None:
        self._contract = contract
        self._speller = Speller(contract, foreign, IN_MODELS, frozenset(_field_names(contract)))
        self._raw = RawSchemas(contract, self._speller)
        self._circles = alias_circles(contract)

    def view(self) -> ModelsView:
        types = list(self._types())
        types += (
            self._class(
                f"{error.name}Data", tuple(error.fields.values()), f"What `{error.name}` carries."
            )
            for error in self._contract.errors.values()
            if error.fields
        )
        types += self._of_services()
        return ModelsView(
            types=in_reading_order(types),
            imports=self._speller.lines(),
            taken=self._speller.taken,
        )

    def _types(self) -> Iterator[TypeModel]:
        """The types of the contract, and the classes of its forms that need a tag added."""
        for type_ in self._contract.types.values():
            if isinstance(type_, UnionType):
                for form in forms_of(type_, self._contract):
                    if form.union is type_ and needs_own_class(form):
                        yield self._tagged(form)
            yield self._type(type_)

    def _tagged(self, form: Form) -> ClassModel:
        """An object of another contract, and the tag that it lacks there."""
        return ClassModel(
            name=class_of_form(form),
            base=self._speller.name(form.variant.type),
            fields=(self._tag(form.union, form.tag_value),),
            doc=f"`{form.type.name}` as a form of `{form.union.name}`.",
        )

    def _tag(self, union: UnionType, value: str) -> FieldModel:
        text = literal(value)
        return FieldModel(
            name=union.tag,
            annotation=f"{self._speller.need('typing', 'Literal')}[{text}]",
            needs=frozenset(),
            default=Default(data=value, text=text),
            wire=None if union.wire == union.tag else union.wire,
        )

    def _of_services(self) -> Iterator[TypeModel]:
        for one in inline_classes(self._contract):
            yield self._class(one.name, tuple(one.fields.values()), one.doc)

    def _type(self, type_: TypeDef) -> TypeModel:
        match type_:
            case ObjectType():
                doc = with_deprecation(type_.doc, type_.deprecated)
                model = self._class(
                    type_.name, tuple(type_.fields.values()), doc, self._tags(type_)
                )
                return replace(model, keeps_unknown=type_.keeps_unknown)
            case EnumType():
                return self._enum(type_)
            case UnionType():
                return self._union(type_)
            case AliasType():
                return AliasModel(
                    name=type_.name,
                    annotation=self._speller.spell(type_.type, Style.CHECKED),
                    needs=own_names(type_.type, self._contract.package),
                    circle=self._circle(type_),
                    bounds=bounds_of(type_.type, type_.constraints, self._contract),
                    examples=examples_of(type_.examples),
                    doc=with_deprecation(type_.doc, type_.deprecated),
                )
            case SchemaType():
                raw = self._raw.model(type_)
                if isinstance(raw, AliasModel):
                    return replace(raw, circle=self._circle(type_))
                return raw

    def _circle(self, alias: AliasType | SchemaType) -> Circle | None:
        names = self._circles.get(alias.name)
        if names is None:
            return None
        return Circle(
            names=names,
            type_checking=self._speller.need("typing", "TYPE_CHECKING"),
            type_alias=self._speller.need("typing", "TypeAlias"),
        )

    def _class(
        self, name: str, fields: tuple[Field, ...], doc: str, tags: tuple[FieldModel, ...] = ()
    ) -> ClassModel:
        own = tuple(field_model(field, self._contract, self._speller) for field in fields)
        return ClassModel(name=name, fields=(*tags, *own), doc=doc)

    def _tags(self, variant: ObjectType) -> tuple[FieldModel, ...]:
        """The fields that tell which variant this is, one for each tag of the unions it is in."""
        found: dict[str, FieldModel] = {}
        for union in self._contract.types.values():
            if not isinstance(union, UnionType):
                continue
            for value, form in union.variants.items():
                if self._contract.resolve(form.type) is variant:
                    found[union.tag] = self._tag(union, value)
        return tuple(found.values())

    def _union(self, union: UnionType) -> AliasModel:
        need = self._speller.need
        classes = [
            ((form.union_home if needs_own_class(form) else form.home).package, class_of_form(form))
            for form in forms_of(union, self._contract)
        ]
        forms = [self._speller.class_(package, name) for package, name in classes]
        tag = literal(union.tag)
        examples = [literal(example) for example in examples_of(union.examples)]
        shown = f"examples=[{', '.join(examples)}]" if examples else ""
        is_renamed = union.wire != union.tag
        arguments = f"{tag}, wire={literal(union.wire)}" if is_renamed else tag
        if union.open:
            forms.append(need("duologue.typed", "Unknown"))
            marks = [f"{need('duologue.typed', 'OpenUnion')}({arguments})"]
            marks += [f"{need('pydantic', 'Field')}({shown})"] if shown else []
        elif is_renamed and len(forms) > 1:
            # pydantic would look for either name in either place.
            marks = [f"{need('duologue.typed', 'TaggedUnion')}({arguments})"]
            marks += [f"{need('pydantic', 'Field')}({shown})"] if shown else []
        else:
            # pydantic has no tag for a union of one.
            tagged = f"discriminator={tag}" if len(forms) > 1 else ""
            arguments = ", ".join(filter(None, (tagged, shown)))
            marks = [f"{need('pydantic', 'Field')}({arguments})"] if arguments else []
        annotation = " | ".join(forms)
        if marks:
            annotation = f"{need('typing', 'Annotated')}[{annotation}, {', '.join(marks)}]"
        return AliasModel(
            name=union.name,
            annotation=annotation,
            needs=frozenset(name for package, name in classes if package == self._contract.package),
            doc=with_deprecation(union.doc, union.deprecated),
        )

    def _enum(self, enum: EnumType) -> EnumModel:
        members = tuple(
            EnumMember(
                name=enum_member(value.name),
                value=value.value,
                doc=with_deprecation(value.doc, value.deprecated),
            )
            for value in enum.values.values()
        )
        need = self._speller.need
        return EnumModel(
            name=enum.name,
            members=members,
            number_base=need("duologue.typed", "NumberEnum") if enum.of_numbers else None,
            doc=with_deprecation(enum.doc, enum.deprecated),
        )
