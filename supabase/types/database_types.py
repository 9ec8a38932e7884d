from __future__ import annotations

import datetime
import uuid
from typing import (
    Annotated,
    Any,
    List,
    Literal,
    Optional,
    TypedDict,
)
from typing_extensions import NotRequired, TypeAlias

from pydantic import BaseModel, Field, JsonValue

AuthAalLevel: TypeAlias = Literal["aal1", "aal2", "aal3"]

AuthOneTimeTokenType: TypeAlias = Literal["confirmation_token", "reauthentication_token", "recovery_token", "email_change_token_new", "email_change_token_current", "phone_change_token"]

NetRequestStatus: TypeAlias = Literal["PENDING", "SUCCESS", "ERROR"]

StorageBuckettype: TypeAlias = Literal["STANDARD", "ANALYTICS", "VECTOR"]

class PublicCreditAccounts(BaseModel):
    balance: int = Field(alias="balance")
    created_at: datetime.datetime = Field(alias="created_at")
    debt: int = Field(alias="debt")
    id: uuid.UUID = Field(alias="id")
    last_entry_key: Optional[int] = Field(alias="last_entry_key")
    last_entry_no: int = Field(alias="last_entry_no")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")

class PublicCreditAccountsInsert(TypedDict):
    balance: NotRequired[Annotated[int, Field(alias="balance")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt: NotRequired[Annotated[int, Field(alias="debt")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    last_entry_key: NotRequired[Annotated[Optional[int], Field(alias="last_entry_key")]]
    last_entry_no: NotRequired[Annotated[int, Field(alias="last_entry_no")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicCreditAccountsUpdate(TypedDict):
    balance: NotRequired[Annotated[int, Field(alias="balance")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt: NotRequired[Annotated[int, Field(alias="debt")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    last_entry_key: NotRequired[Annotated[Optional[int], Field(alias="last_entry_key")]]
    last_entry_no: NotRequired[Annotated[int, Field(alias="last_entry_no")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicCreditPackages(BaseModel):
    amount: int = Field(alias="amount")
    created_at: datetime.datetime = Field(alias="created_at")
    credits: int = Field(alias="credits")
    currency: str = Field(alias="currency")
    id: str = Field(alias="id")
    is_enabled: bool = Field(alias="is_enabled")
    mode: str = Field(alias="mode")
    name: str = Field(alias="name")
    place: int = Field(alias="place")
    product_id: str = Field(alias="product_id")
    provider: str = Field(alias="provider")

class PublicCreditPackagesInsert(TypedDict):
    amount: Annotated[int, Field(alias="amount")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: Annotated[int, Field(alias="credits")]
    currency: Annotated[str, Field(alias="currency")]
    id: Annotated[str, Field(alias="id")]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    mode: NotRequired[Annotated[str, Field(alias="mode")]]
    name: Annotated[str, Field(alias="name")]
    place: NotRequired[Annotated[int, Field(alias="place")]]
    product_id: Annotated[str, Field(alias="product_id")]
    provider: Annotated[str, Field(alias="provider")]

class PublicCreditPackagesUpdate(TypedDict):
    amount: NotRequired[Annotated[int, Field(alias="amount")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[int, Field(alias="credits")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    id: NotRequired[Annotated[str, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    mode: NotRequired[Annotated[str, Field(alias="mode")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    place: NotRequired[Annotated[int, Field(alias="place")]]
    product_id: NotRequired[Annotated[str, Field(alias="product_id")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]

class PublicCreditTransactions(BaseModel):
    account_id: uuid.UUID = Field(alias="account_id")
    actor: str = Field(alias="actor")
    amount: int = Field(alias="amount")
    balance_after: int = Field(alias="balance_after")
    balance_before: int = Field(alias="balance_before")
    charge_of_task: Optional[uuid.UUID] = Field(alias="charge_of_task")
    created_at: datetime.datetime = Field(alias="created_at")
    debt_after: int = Field(alias="debt_after")
    debt_before: int = Field(alias="debt_before")
    entry_no: int = Field(alias="entry_no")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    previous_entry_no: Optional[int] = Field(alias="previous_entry_no")
    reason: Optional[str] = Field(alias="reason")
    refund_of_task: Optional[uuid.UUID] = Field(alias="refund_of_task")
    task_id: Optional[uuid.UUID] = Field(alias="task_id")
    type: str = Field(alias="type")

class PublicCreditTransactionsInsert(TypedDict):
    account_id: Annotated[uuid.UUID, Field(alias="account_id")]
    actor: Annotated[str, Field(alias="actor")]
    amount: Annotated[int, Field(alias="amount")]
    balance_after: Annotated[int, Field(alias="balance_after")]
    balance_before: Annotated[int, Field(alias="balance_before")]
    charge_of_task: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="charge_of_task")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt_after: NotRequired[Annotated[int, Field(alias="debt_after")]]
    debt_before: NotRequired[Annotated[int, Field(alias="debt_before")]]
    entry_no: Annotated[int, Field(alias="entry_no")]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    previous_entry_no: NotRequired[Annotated[Optional[int], Field(alias="previous_entry_no")]]
    reason: NotRequired[Annotated[Optional[str], Field(alias="reason")]]
    refund_of_task: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="refund_of_task")]]
    task_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="task_id")]]
    type: Annotated[str, Field(alias="type")]

class PublicCreditTransactionsUpdate(TypedDict):
    account_id: NotRequired[Annotated[uuid.UUID, Field(alias="account_id")]]
    actor: NotRequired[Annotated[str, Field(alias="actor")]]
    amount: NotRequired[Annotated[int, Field(alias="amount")]]
    balance_after: NotRequired[Annotated[int, Field(alias="balance_after")]]
    balance_before: NotRequired[Annotated[int, Field(alias="balance_before")]]
    charge_of_task: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="charge_of_task")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt_after: NotRequired[Annotated[int, Field(alias="debt_after")]]
    debt_before: NotRequired[Annotated[int, Field(alias="debt_before")]]
    entry_no: NotRequired[Annotated[int, Field(alias="entry_no")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    previous_entry_no: NotRequired[Annotated[Optional[int], Field(alias="previous_entry_no")]]
    reason: NotRequired[Annotated[Optional[str], Field(alias="reason")]]
    refund_of_task: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="refund_of_task")]]
    task_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="task_id")]]
    type: NotRequired[Annotated[str, Field(alias="type")]]

class PublicImageGenerationHistory(BaseModel):
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_cost: int = Field(alias="credit_cost")
    deleted_at: Optional[datetime.datetime] = Field(alias="deleted_at")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    path: str = Field(alias="path")
    prompt: Optional[str] = Field(alias="prompt")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    width: Optional[int] = Field(alias="width")

class PublicImageGenerationHistoryInsert(TypedDict):
    bucket: Annotated[str, Field(alias="bucket")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: NotRequired[Annotated[int, Field(alias="credit_cost")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    path: Annotated[str, Field(alias="path")]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicImageGenerationHistoryUpdate(TypedDict):
    bucket: NotRequired[Annotated[str, Field(alias="bucket")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: NotRequired[Annotated[int, Field(alias="credit_cost")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    path: NotRequired[Annotated[str, Field(alias="path")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicPayments(BaseModel):
    account_id: Optional[uuid.UUID] = Field(alias="account_id")
    amount: Optional[int] = Field(alias="amount")
    checked_at: Optional[datetime.datetime] = Field(alias="checked_at")
    checkout_id: Optional[str] = Field(alias="checkout_id")
    created_at: datetime.datetime = Field(alias="created_at")
    credits: int = Field(alias="credits")
    currency: Optional[str] = Field(alias="currency")
    discount_amount: int = Field(alias="discount_amount")
    id: uuid.UUID = Field(alias="id")
    is_disputed: bool = Field(alias="is_disputed")
    mode: Optional[str] = Field(alias="mode")
    order_id: Optional[str] = Field(alias="order_id")
    package_id: Optional[str] = Field(alias="package_id")
    paid_amount: Optional[int] = Field(alias="paid_amount")
    paid_at: Optional[datetime.datetime] = Field(alias="paid_at")
    price_amount: Optional[int] = Field(alias="price_amount")
    price_currency: Optional[str] = Field(alias="price_currency")
    problem: Optional[str] = Field(alias="problem")
    product_id: Optional[str] = Field(alias="product_id")
    provider: str = Field(alias="provider")
    purchase_entry_id: Optional[uuid.UUID] = Field(alias="purchase_entry_id")
    refunded_amount: int = Field(alias="refunded_amount")
    refunded_credits: int = Field(alias="refunded_credits")
    status: str = Field(alias="status")
    unit_credits: Optional[int] = Field(alias="unit_credits")
    units: int = Field(alias="units")

class PublicPaymentsInsert(TypedDict):
    account_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="account_id")]]
    amount: NotRequired[Annotated[Optional[int], Field(alias="amount")]]
    checked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="checked_at")]]
    checkout_id: NotRequired[Annotated[Optional[str], Field(alias="checkout_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[int, Field(alias="credits")]]
    currency: NotRequired[Annotated[Optional[str], Field(alias="currency")]]
    discount_amount: NotRequired[Annotated[int, Field(alias="discount_amount")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_disputed: NotRequired[Annotated[bool, Field(alias="is_disputed")]]
    mode: NotRequired[Annotated[Optional[str], Field(alias="mode")]]
    order_id: NotRequired[Annotated[Optional[str], Field(alias="order_id")]]
    package_id: NotRequired[Annotated[Optional[str], Field(alias="package_id")]]
    paid_amount: NotRequired[Annotated[Optional[int], Field(alias="paid_amount")]]
    paid_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paid_at")]]
    price_amount: NotRequired[Annotated[Optional[int], Field(alias="price_amount")]]
    price_currency: NotRequired[Annotated[Optional[str], Field(alias="price_currency")]]
    problem: NotRequired[Annotated[Optional[str], Field(alias="problem")]]
    product_id: NotRequired[Annotated[Optional[str], Field(alias="product_id")]]
    provider: Annotated[str, Field(alias="provider")]
    purchase_entry_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="purchase_entry_id")]]
    refunded_amount: NotRequired[Annotated[int, Field(alias="refunded_amount")]]
    refunded_credits: NotRequired[Annotated[int, Field(alias="refunded_credits")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    unit_credits: NotRequired[Annotated[Optional[int], Field(alias="unit_credits")]]
    units: NotRequired[Annotated[int, Field(alias="units")]]

class PublicPaymentsUpdate(TypedDict):
    account_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="account_id")]]
    amount: NotRequired[Annotated[Optional[int], Field(alias="amount")]]
    checked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="checked_at")]]
    checkout_id: NotRequired[Annotated[Optional[str], Field(alias="checkout_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[int, Field(alias="credits")]]
    currency: NotRequired[Annotated[Optional[str], Field(alias="currency")]]
    discount_amount: NotRequired[Annotated[int, Field(alias="discount_amount")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_disputed: NotRequired[Annotated[bool, Field(alias="is_disputed")]]
    mode: NotRequired[Annotated[Optional[str], Field(alias="mode")]]
    order_id: NotRequired[Annotated[Optional[str], Field(alias="order_id")]]
    package_id: NotRequired[Annotated[Optional[str], Field(alias="package_id")]]
    paid_amount: NotRequired[Annotated[Optional[int], Field(alias="paid_amount")]]
    paid_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paid_at")]]
    price_amount: NotRequired[Annotated[Optional[int], Field(alias="price_amount")]]
    price_currency: NotRequired[Annotated[Optional[str], Field(alias="price_currency")]]
    problem: NotRequired[Annotated[Optional[str], Field(alias="problem")]]
    product_id: NotRequired[Annotated[Optional[str], Field(alias="product_id")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    purchase_entry_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="purchase_entry_id")]]
    refunded_amount: NotRequired[Annotated[int, Field(alias="refunded_amount")]]
    refunded_credits: NotRequired[Annotated[int, Field(alias="refunded_credits")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    unit_credits: NotRequired[Annotated[Optional[int], Field(alias="unit_credits")]]
    units: NotRequired[Annotated[int, Field(alias="units")]]

class PublicProfiles(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    display_name: Optional[str] = Field(alias="display_name")
    id: uuid.UUID = Field(alias="id")

class PublicProfilesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    display_name: NotRequired[Annotated[Optional[str], Field(alias="display_name")]]
    id: Annotated[uuid.UUID, Field(alias="id")]

class PublicProfilesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    display_name: NotRequired[Annotated[Optional[str], Field(alias="display_name")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]

class PublicPromptOptimizations(BaseModel):
    content_type: str = Field(alias="content_type")
    created_at: datetime.datetime = Field(alias="created_at")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    id: uuid.UUID = Field(alias="id")
    model: str = Field(alias="model")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    original_prompt: Optional[str] = Field(alias="original_prompt")
    outcome: str = Field(alias="outcome")
    prompt: Optional[str] = Field(alias="prompt")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")

class PublicPromptOptimizationsInsert(TypedDict):
    content_type: Annotated[str, Field(alias="content_type")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    model: Annotated[str, Field(alias="model")]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    original_prompt: NotRequired[Annotated[Optional[str], Field(alias="original_prompt")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicPromptOptimizationsUpdate(TypedDict):
    content_type: NotRequired[Annotated[str, Field(alias="content_type")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    model: NotRequired[Annotated[str, Field(alias="model")]]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    original_prompt: NotRequired[Annotated[Optional[str], Field(alias="original_prompt")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicShowcaseItems(BaseModel):
    author_id: Optional[uuid.UUID] = Field(alias="author_id")
    content_type: str = Field(alias="content_type")
    featured_position: Optional[int] = Field(alias="featured_position")
    id: uuid.UUID = Field(alias="id")
    image_url: Optional[str] = Field(alias="image_url")
    item_status: str = Field(alias="item_status")
    like_count: int = Field(alias="like_count")
    published_at: Optional[datetime.datetime] = Field(alias="published_at")
    show_prompt: bool = Field(alias="show_prompt")
    source_image_id: Optional[uuid.UUID] = Field(alias="source_image_id")
    source_task_id: Optional[uuid.UUID] = Field(alias="source_task_id")
    status_reason: Optional[str] = Field(alias="status_reason")
    submitted_at: datetime.datetime = Field(alias="submitted_at")
    thumbnail_url: Optional[str] = Field(alias="thumbnail_url")
    title: Optional[str] = Field(alias="title")
    video_url: Optional[str] = Field(alias="video_url")

class PublicShowcaseItemsInsert(TypedDict):
    author_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="author_id")]]
    content_type: NotRequired[Annotated[str, Field(alias="content_type")]]
    featured_position: NotRequired[Annotated[Optional[int], Field(alias="featured_position")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    image_url: NotRequired[Annotated[Optional[str], Field(alias="image_url")]]
    item_status: NotRequired[Annotated[str, Field(alias="item_status")]]
    like_count: NotRequired[Annotated[int, Field(alias="like_count")]]
    published_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="published_at")]]
    show_prompt: NotRequired[Annotated[bool, Field(alias="show_prompt")]]
    source_image_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="source_image_id")]]
    source_task_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="source_task_id")]]
    status_reason: NotRequired[Annotated[Optional[str], Field(alias="status_reason")]]
    submitted_at: NotRequired[Annotated[datetime.datetime, Field(alias="submitted_at")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    title: NotRequired[Annotated[Optional[str], Field(alias="title")]]
    video_url: NotRequired[Annotated[Optional[str], Field(alias="video_url")]]

class PublicShowcaseItemsUpdate(TypedDict):
    author_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="author_id")]]
    content_type: NotRequired[Annotated[str, Field(alias="content_type")]]
    featured_position: NotRequired[Annotated[Optional[int], Field(alias="featured_position")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    image_url: NotRequired[Annotated[Optional[str], Field(alias="image_url")]]
    item_status: NotRequired[Annotated[str, Field(alias="item_status")]]
    like_count: NotRequired[Annotated[int, Field(alias="like_count")]]
    published_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="published_at")]]
    show_prompt: NotRequired[Annotated[bool, Field(alias="show_prompt")]]
    source_image_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="source_image_id")]]
    source_task_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="source_task_id")]]
    status_reason: NotRequired[Annotated[Optional[str], Field(alias="status_reason")]]
    submitted_at: NotRequired[Annotated[datetime.datetime, Field(alias="submitted_at")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    title: NotRequired[Annotated[Optional[str], Field(alias="title")]]
    video_url: NotRequired[Annotated[Optional[str], Field(alias="video_url")]]

class PublicShowcaseLikes(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    item_id: uuid.UUID = Field(alias="item_id")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicShowcaseLikesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    item_id: Annotated[uuid.UUID, Field(alias="item_id")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicShowcaseLikesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    item_id: NotRequired[Annotated[uuid.UUID, Field(alias="item_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicSystemConfigs(BaseModel):
    description: Optional[str] = Field(alias="description")
    is_nullable: bool = Field(alias="is_nullable")
    key: str = Field(alias="key")
    maximum: Optional[float] = Field(alias="maximum")
    minimum: Optional[float] = Field(alias="minimum")
    updated_at: datetime.datetime = Field(alias="updated_at")
    updated_by: str = Field(alias="updated_by")
    value: JsonValue = Field(alias="value")
    value_type: Optional[str] = Field(alias="value_type")

class PublicSystemConfigsInsert(TypedDict):
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    is_nullable: NotRequired[Annotated[bool, Field(alias="is_nullable")]]
    key: Annotated[str, Field(alias="key")]
    maximum: NotRequired[Annotated[Optional[float], Field(alias="maximum")]]
    minimum: NotRequired[Annotated[Optional[float], Field(alias="minimum")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    updated_by: NotRequired[Annotated[str, Field(alias="updated_by")]]
    value: Annotated[JsonValue, Field(alias="value")]
    value_type: NotRequired[Annotated[Optional[str], Field(alias="value_type")]]

class PublicSystemConfigsUpdate(TypedDict):
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    is_nullable: NotRequired[Annotated[bool, Field(alias="is_nullable")]]
    key: NotRequired[Annotated[str, Field(alias="key")]]
    maximum: NotRequired[Annotated[Optional[float], Field(alias="maximum")]]
    minimum: NotRequired[Annotated[Optional[float], Field(alias="minimum")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    updated_by: NotRequired[Annotated[str, Field(alias="updated_by")]]
    value: NotRequired[Annotated[JsonValue, Field(alias="value")]]
    value_type: NotRequired[Annotated[Optional[str], Field(alias="value_type")]]

class PublicVideoGenerationHistory(BaseModel):
    account_id: uuid.UUID = Field(alias="account_id")
    aspect_ratio: str = Field(alias="aspect_ratio")
    charge_amount: Optional[int] = Field(alias="charge_amount")
    charge_id: Optional[uuid.UUID] = Field(alias="charge_id")
    charge_type: Optional[str] = Field(alias="charge_type")
    completed_at: Optional[datetime.datetime] = Field(alias="completed_at")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_cost: int = Field(alias="credit_cost")
    deleted_at: Optional[datetime.datetime] = Field(alias="deleted_at")
    downloaded_at: Optional[datetime.datetime] = Field(alias="downloaded_at")
    duration: int = Field(alias="duration")
    ended_at: Optional[datetime.datetime] = Field(alias="ended_at")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    file_size_bytes: Optional[int] = Field(alias="file_size_bytes")
    google_video_url: Optional[str] = Field(alias="google_video_url")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    model: str = Field(alias="model")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    operation_id: Optional[str] = Field(alias="operation_id")
    permanent_video_url: Optional[str] = Field(alias="permanent_video_url")
    prompt: Optional[str] = Field(alias="prompt")
    reference_image_bucket: Optional[str] = Field(alias="reference_image_bucket")
    reference_image_path: Optional[str] = Field(alias="reference_image_path")
    refund_id: Optional[uuid.UUID] = Field(alias="refund_id")
    refund_type: Optional[str] = Field(alias="refund_type")
    request: JsonValue = Field(alias="request")
    resolution: str = Field(alias="resolution")
    resolving_lease: Optional[uuid.UUID] = Field(alias="resolving_lease")
    retry_count: int = Field(alias="retry_count")
    retry_of: Optional[uuid.UUID] = Field(alias="retry_of")
    sha256: Optional[str] = Field(alias="sha256")
    status: str = Field(alias="status")
    thumbnail_url: Optional[str] = Field(alias="thumbnail_url")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    video_duration: Optional[float] = Field(alias="video_duration")
    width: Optional[int] = Field(alias="width")

class PublicVideoGenerationHistoryInsert(TypedDict):
    account_id: Annotated[uuid.UUID, Field(alias="account_id")]
    aspect_ratio: Annotated[str, Field(alias="aspect_ratio")]
    charge_amount: NotRequired[Annotated[Optional[int], Field(alias="charge_amount")]]
    charge_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="charge_id")]]
    charge_type: NotRequired[Annotated[Optional[str], Field(alias="charge_type")]]
    completed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="completed_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: Annotated[int, Field(alias="credit_cost")]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    downloaded_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="downloaded_at")]]
    duration: Annotated[int, Field(alias="duration")]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    file_size_bytes: NotRequired[Annotated[Optional[int], Field(alias="file_size_bytes")]]
    google_video_url: NotRequired[Annotated[Optional[str], Field(alias="google_video_url")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    model: Annotated[str, Field(alias="model")]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    operation_id: NotRequired[Annotated[Optional[str], Field(alias="operation_id")]]
    permanent_video_url: NotRequired[Annotated[Optional[str], Field(alias="permanent_video_url")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    reference_image_bucket: NotRequired[Annotated[Optional[str], Field(alias="reference_image_bucket")]]
    reference_image_path: NotRequired[Annotated[Optional[str], Field(alias="reference_image_path")]]
    refund_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="refund_id")]]
    refund_type: NotRequired[Annotated[Optional[str], Field(alias="refund_type")]]
    request: Annotated[JsonValue, Field(alias="request")]
    resolution: Annotated[str, Field(alias="resolution")]
    resolving_lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="resolving_lease")]]
    retry_count: NotRequired[Annotated[int, Field(alias="retry_count")]]
    retry_of: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="retry_of")]]
    sha256: NotRequired[Annotated[Optional[str], Field(alias="sha256")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    video_duration: NotRequired[Annotated[Optional[float], Field(alias="video_duration")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicVideoGenerationHistoryUpdate(TypedDict):
    account_id: NotRequired[Annotated[uuid.UUID, Field(alias="account_id")]]
    aspect_ratio: NotRequired[Annotated[str, Field(alias="aspect_ratio")]]
    charge_amount: NotRequired[Annotated[Optional[int], Field(alias="charge_amount")]]
    charge_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="charge_id")]]
    charge_type: NotRequired[Annotated[Optional[str], Field(alias="charge_type")]]
    completed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="completed_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: NotRequired[Annotated[int, Field(alias="credit_cost")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    downloaded_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="downloaded_at")]]
    duration: NotRequired[Annotated[int, Field(alias="duration")]]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    file_size_bytes: NotRequired[Annotated[Optional[int], Field(alias="file_size_bytes")]]
    google_video_url: NotRequired[Annotated[Optional[str], Field(alias="google_video_url")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    model: NotRequired[Annotated[str, Field(alias="model")]]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    operation_id: NotRequired[Annotated[Optional[str], Field(alias="operation_id")]]
    permanent_video_url: NotRequired[Annotated[Optional[str], Field(alias="permanent_video_url")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    reference_image_bucket: NotRequired[Annotated[Optional[str], Field(alias="reference_image_bucket")]]
    reference_image_path: NotRequired[Annotated[Optional[str], Field(alias="reference_image_path")]]
    refund_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="refund_id")]]
    refund_type: NotRequired[Annotated[Optional[str], Field(alias="refund_type")]]
    request: NotRequired[Annotated[JsonValue, Field(alias="request")]]
    resolution: NotRequired[Annotated[str, Field(alias="resolution")]]
    resolving_lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="resolving_lease")]]
    retry_count: NotRequired[Annotated[int, Field(alias="retry_count")]]
    retry_of: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="retry_of")]]
    sha256: NotRequired[Annotated[Optional[str], Field(alias="sha256")]]
    status: NotRequired[Annotated[str, Field(alias="status")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]
    video_duration: NotRequired[Annotated[Optional[float], Field(alias="video_duration")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicVideoModelOptions(BaseModel):
    duration: int = Field(alias="duration")
    model: str = Field(alias="model")
    resolution: str = Field(alias="resolution")
    slow_seconds: int = Field(alias="slow_seconds")
    typical_seconds: int = Field(alias="typical_seconds")
    usd_per_second: float = Field(alias="usd_per_second")
    valid_from: datetime.datetime = Field(alias="valid_from")

class PublicVideoModelOptionsInsert(TypedDict):
    duration: Annotated[int, Field(alias="duration")]
    model: Annotated[str, Field(alias="model")]
    resolution: Annotated[str, Field(alias="resolution")]
    slow_seconds: Annotated[int, Field(alias="slow_seconds")]
    typical_seconds: Annotated[int, Field(alias="typical_seconds")]
    usd_per_second: Annotated[float, Field(alias="usd_per_second")]
    valid_from: NotRequired[Annotated[datetime.datetime, Field(alias="valid_from")]]

class PublicVideoModelOptionsUpdate(TypedDict):
    duration: NotRequired[Annotated[int, Field(alias="duration")]]
    model: NotRequired[Annotated[str, Field(alias="model")]]
    resolution: NotRequired[Annotated[str, Field(alias="resolution")]]
    slow_seconds: NotRequired[Annotated[int, Field(alias="slow_seconds")]]
    typical_seconds: NotRequired[Annotated[int, Field(alias="typical_seconds")]]
    usd_per_second: NotRequired[Annotated[float, Field(alias="usd_per_second")]]
    valid_from: NotRequired[Annotated[datetime.datetime, Field(alias="valid_from")]]

class PublicVideoModels(BaseModel):
    credit_multiplier: float = Field(alias="credit_multiplier")
    display_name: str = Field(alias="display_name")
    has_negative_prompt: bool = Field(alias="has_negative_prompt")
    has_reference_image: bool = Field(alias="has_reference_image")
    id: str = Field(alias="id")
    is_enabled: bool = Field(alias="is_enabled")
    pause_reason: Optional[str] = Field(alias="pause_reason")
    paused_at: Optional[datetime.datetime] = Field(alias="paused_at")
    price_checked_at: Optional[datetime.datetime] = Field(alias="price_checked_at")
    provider: str = Field(alias="provider")
    provider_model: str = Field(alias="provider_model")
    retires_at: Optional[datetime.datetime] = Field(alias="retires_at")

class PublicVideoModelsInsert(TypedDict):
    credit_multiplier: NotRequired[Annotated[float, Field(alias="credit_multiplier")]]
    display_name: Annotated[str, Field(alias="display_name")]
    has_negative_prompt: Annotated[bool, Field(alias="has_negative_prompt")]
    has_reference_image: Annotated[bool, Field(alias="has_reference_image")]
    id: Annotated[str, Field(alias="id")]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_at")]]
    price_checked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="price_checked_at")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_model: Annotated[str, Field(alias="provider_model")]
    retires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="retires_at")]]

class PublicVideoModelsUpdate(TypedDict):
    credit_multiplier: NotRequired[Annotated[float, Field(alias="credit_multiplier")]]
    display_name: NotRequired[Annotated[str, Field(alias="display_name")]]
    has_negative_prompt: NotRequired[Annotated[bool, Field(alias="has_negative_prompt")]]
    has_reference_image: NotRequired[Annotated[bool, Field(alias="has_reference_image")]]
    id: NotRequired[Annotated[str, Field(alias="id")]]
    is_enabled: NotRequired[Annotated[bool, Field(alias="is_enabled")]]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_at")]]
    price_checked_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="price_checked_at")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_model: NotRequired[Annotated[str, Field(alias="provider_model")]]
    retires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="retires_at")]]

class PublicVideoRatings(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    stars: int = Field(alias="stars")
    task_id: uuid.UUID = Field(alias="task_id")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicVideoRatingsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    stars: Annotated[int, Field(alias="stars")]
    task_id: Annotated[uuid.UUID, Field(alias="task_id")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicVideoRatingsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    stars: NotRequired[Annotated[int, Field(alias="stars")]]
    task_id: NotRequired[Annotated[uuid.UUID, Field(alias="task_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicVideos(BaseModel):
    aspect_ratio: str = Field(alias="aspect_ratio")
    completed_at: Optional[datetime.datetime] = Field(alias="completed_at")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_cost: int = Field(alias="credit_cost")
    downloaded_at: Optional[datetime.datetime] = Field(alias="downloaded_at")
    duration: int = Field(alias="duration")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    file_size_bytes: Optional[int] = Field(alias="file_size_bytes")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    model: str = Field(alias="model")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    permanent_video_url: Optional[str] = Field(alias="permanent_video_url")
    prompt: Optional[str] = Field(alias="prompt")
    reference_image_bucket: Optional[str] = Field(alias="reference_image_bucket")
    reference_image_path: Optional[str] = Field(alias="reference_image_path")
    resolution: str = Field(alias="resolution")
    retry_count: int = Field(alias="retry_count")
    retry_of: Optional[uuid.UUID] = Field(alias="retry_of")
    status: str = Field(alias="status")
    thumbnail_url: Optional[str] = Field(alias="thumbnail_url")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    video_duration: Optional[float] = Field(alias="video_duration")
    width: Optional[int] = Field(alias="width")
