
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "credit_accounts": {
                  Row: {
                    "balance": number,"created_at": string,"debt": number,"id": string,"last_entry_key": number | null,"last_entry_no": number,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"id"?: string,"last_entry_key"?: never,"last_entry_no"?: number,"user_id"?: string | null
                  }
                  Update: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"id"?: string,"last_entry_key"?: never,"last_entry_no"?: number,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "account_shows_its_last_entry"
      columns: ["id","last_entry_key","balance","debt"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["account_id","entry_no","balance_after","debt_after"]
    }
                  ]
                },"credit_packages": {
                  Row: {
                    "amount": number,"created_at": string,"credits": number,"currency": string,"id": string,"is_enabled": boolean,"mode": string,"name": string,"place": number,"product_id": string,"provider": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"created_at"?: string,"credits": number,"currency": string,"id": string,"is_enabled"?: boolean,"mode"?: string,"name": string,"place"?: number,"product_id": string,"provider": string
                  }
                  Update: {
                    "amount"?: number,"created_at"?: string,"credits"?: number,"currency"?: string,"id"?: string,"is_enabled"?: boolean,"mode"?: string,"name"?: string,"place"?: number,"product_id"?: string,"provider"?: string
                  }
                  Relationships: [
                    
                  ]
                },"credit_transactions": {
                  Row: {
                    "account_id": string,"actor": string,"amount": number,"balance_after": number,"balance_before": number,"charge_of_task": string | null,"created_at": string,"debt_after": number,"debt_before": number,"entry_no": number,"id": string,"idempotency_key": string | null,"previous_entry_no": number | null,"reason": string | null,"refund_of_task": string | null,"task_id": string | null,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "account_id": string,"actor": string,"amount": number,"balance_after": number,"balance_before": number,"charge_of_task"?: never,"created_at"?: string,"debt_after"?: number,"debt_before"?: number,"entry_no": number,"id"?: string,"idempotency_key"?: string | null,"previous_entry_no"?: never,"reason"?: string | null,"refund_of_task"?: never,"task_id"?: string | null,"type": string
                  }
                  Update: {
                    "account_id"?: string,"actor"?: string,"amount"?: number,"balance_after"?: number,"balance_before"?: number,"charge_of_task"?: never,"created_at"?: string,"debt_after"?: number,"debt_before"?: number,"entry_no"?: number,"id"?: string,"idempotency_key"?: string | null,"previous_entry_no"?: never,"reason"?: string | null,"refund_of_task"?: never,"task_id"?: string | null,"type"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "charge_is_named_by_its_task"
      columns: ["task_id","charge_of_task"]
isOneToOne: false
      referencedRelation: "video_generation_history"
      referencedColumns: ["id","charge_id"]
    },{
      foreignKeyName: "credit_transactions_account_id_fkey"
      columns: ["account_id"]
isOneToOne: false
      referencedRelation: "credit_accounts"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "entry_follows_its_predecessor"
      columns: ["account_id","previous_entry_no","balance_before","debt_before"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["account_id","entry_no","balance_after","debt_after"]
    },{
      foreignKeyName: "entry_task_exists"
      columns: ["task_id"]
isOneToOne: false
      referencedRelation: "video_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "entry_task_exists"
      columns: ["task_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "refund_is_named_by_its_task"
      columns: ["task_id","refund_of_task"]
isOneToOne: false
      referencedRelation: "video_generation_history"
      referencedColumns: ["id","refund_id"]
    }
                  ]
                },"image_generation_history": {
                  Row: {
                    "bucket": string,"created_at": string,"credit_cost": number,"deleted_at": string | null,"height": number | null,"id": string,"path": string,"prompt": string | null,"user_id": string | null,"width": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "bucket": string,"created_at"?: string,"credit_cost"?: number,"deleted_at"?: string | null,"height"?: number | null,"id"?: string,"path": string,"prompt"?: string | null,"user_id"?: string | null,"width"?: number | null
                  }
                  Update: {
                    "bucket"?: string,"created_at"?: string,"credit_cost"?: number,"deleted_at"?: string | null,"height"?: number | null,"id"?: string,"path"?: string,"prompt"?: string | null,"user_id"?: string | null,"width"?: number | null
                  }
                  Relationships: [
                    
                  ]
                },"payments": {
                  Row: {
                    "account_id": string | null,"amount": number | null,"checked_at": string | null,"checkout_id": string | null,"created_at": string,"credits": number,"currency": string | null,"discount_amount": number,"id": string,"is_disputed": boolean,"mode": string | null,"order_id": string | null,"package_id": string | null,"paid_amount": number | null,"paid_at": string | null,"price_amount": number | null,"price_currency": string | null,"problem": string | null,"product_id": string | null,"provider": string,"purchase_entry_id": string | null,"refunded_amount": number,"refunded_credits": number,"status": string,"unit_credits": number | null,"units": number
                  }
                  ComputedFields: never
                  Insert: {
                    "account_id"?: string | null,"amount"?: number | null,"checked_at"?: string | null,"checkout_id"?: string | null,"created_at"?: string,"credits"?: number,"currency"?: string | null,"discount_amount"?: number,"id"?: string,"is_disputed"?: boolean,"mode"?: string | null,"order_id"?: string | null,"package_id"?: string | null,"paid_amount"?: number | null,"paid_at"?: string | null,"price_amount"?: number | null,"price_currency"?: string | null,"problem"?: string | null,"product_id"?: string | null,"provider": string,"purchase_entry_id"?: string | null,"refunded_amount"?: number,"refunded_credits"?: number,"status"?: string,"unit_credits"?: number | null,"units"?: number
                  }
                  Update: {
                    "account_id"?: string | null,"amount"?: number | null,"checked_at"?: string | null,"checkout_id"?: string | null,"created_at"?: string,"credits"?: number,"currency"?: string | null,"discount_amount"?: number,"id"?: string,"is_disputed"?: boolean,"mode"?: string | null,"order_id"?: string | null,"package_id"?: string | null,"paid_amount"?: number | null,"paid_at"?: string | null,"price_amount"?: number | null,"price_currency"?: string | null,"problem"?: string | null,"product_id"?: string | null,"provider"?: string,"purchase_entry_id"?: string | null,"refunded_amount"?: number,"refunded_credits"?: number,"status"?: string,"unit_credits"?: number | null,"units"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "payments_account_id_fkey"
      columns: ["account_id"]
isOneToOne: false
      referencedRelation: "credit_accounts"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "payments_package_id_fkey"
      columns: ["package_id"]
isOneToOne: false
      referencedRelation: "credit_packages"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "payments_purchase_entry_id_fkey"
      columns: ["purchase_entry_id"]
isOneToOne: true
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
    }
                  ]
                },"profiles": {
                  Row: {
                    "created_at": string,"display_name": string | null,"id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"display_name"?: string | null,"id": string
                  }
                  Update: {
                    "created_at"?: string,"display_name"?: string | null,"id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"prompt_optimizations": {
                  Row: {
                    "content_type": string,"created_at": string,"finished_at": string | null,"id": string,"model": string,"negative_prompt": string | null,"original_prompt": string | null,"outcome": string,"prompt": string | null,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "content_type": string,"created_at"?: string,"finished_at"?: string | null,"id"?: string,"model": string,"negative_prompt"?: string | null,"original_prompt"?: string | null,"outcome"?: string,"prompt"?: string | null,"user_id"?: string | null
                  }
                  Update: {
                    "content_type"?: string,"created_at"?: string,"finished_at"?: string | null,"id"?: string,"model"?: string,"negative_prompt"?: string | null,"original_prompt"?: string | null,"outcome"?: string,"prompt"?: string | null,"user_id"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"showcase_items": {
                  Row: {
                    "author_id": string | null,"content_type": string,"featured_position": number | null,"id": string,"image_url": string | null,"item_status": string,"like_count": number,"published_at": string | null,"show_prompt": boolean,"source_image_id": string | null,"source_task_id": string | null,"status_reason": string | null,"submitted_at": string,"thumbnail_url": string | null,"title": string | null,"video_url": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "author_id"?: string | null,"content_type"?: string,"featured_position"?: number | null,"id"?: string,"image_url"?: string | null,"item_status"?: string,"like_count"?: number,"published_at"?: string | null,"show_prompt"?: boolean,"source_image_id"?: string | null,"source_task_id"?: string | null,"status_reason"?: string | null,"submitted_at"?: string,"thumbnail_url"?: string | null,"title"?: string | null,"video_url"?: string | null
                  }
                  Update: {
                    "author_id"?: string | null,"content_type"?: string,"featured_position"?: number | null,"id"?: string,"image_url"?: string | null,"item_status"?: string,"like_count"?: number,"published_at"?: string | null,"show_prompt"?: boolean,"source_image_id"?: string | null,"source_task_id"?: string | null,"status_reason"?: string | null,"submitted_at"?: string,"thumbnail_url"?: string | null,"title"?: string | null,"video_url"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "showcase_items_source_image_id_fkey"
      columns: ["source_image_id"]
isOneToOne: true
      referencedRelation: "image_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "showcase_items_source_task_id_fkey"
      columns: ["source_task_id"]
isOneToOne: true
      referencedRelation: "video_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "showcase_items_source_task_id_fkey"
      columns: ["source_task_id"]
isOneToOne: true
      referencedRelation: "videos"
      referencedColumns: ["id"]
    }
                  ]
                },"showcase_likes": {
                  Row: {
                    "created_at": string,"item_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"item_id": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"item_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "showcase_likes_item_id_fkey"
      columns: ["item_id"]
isOneToOne: false
      referencedRelation: "showcase_items"
      referencedColumns: ["id"]
    }
                  ]
                },"system_configs": {
                  Row: {
                    "description": string | null,"is_nullable": boolean,"key": string,"maximum": number | null,"minimum": number | null,"updated_at": string,"updated_by": string,"value": NonNullable<Json>,"value_type": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "description"?: string | null,"is_nullable"?: boolean,"key": string,"maximum"?: number | null,"minimum"?: number | null,"updated_at"?: string,"updated_by"?: string,"value": NonNullable<Json>,"value_type"?: string | null
                  }
                  Update: {
                    "description"?: string | null,"is_nullable"?: boolean,"key"?: string,"maximum"?: number | null,"minimum"?: number | null,"updated_at"?: string,"updated_by"?: string,"value"?: NonNullable<Json>,"value_type"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"video_generation_history": {
                  Row: {
                    "account_id": string,"aspect_ratio": string,"charge_amount": number | null,"charge_id": string | null,"charge_type": string | null,"completed_at": string | null,"created_at": string,"credit_cost": number,"deleted_at": string | null,"downloaded_at": string | null,"duration": number,"ended_at": string | null,"error_code": string | null,"error_message": string | null,"file_size_bytes": number | null,"google_video_url": string | null,"height": number | null,"id": string,"idempotency_key": string | null,"model": string,"negative_prompt": string | null,"operation_id": string | null,"permanent_video_url": string | null,"prompt": string | null,"reference_image_bucket": string | null,"reference_image_path": string | null,"refund_id": string | null,"refund_type": string | null,"request": NonNullable<Json>,"resolution": string,"resolving_lease": string | null,"retry_count": number,"retry_of": string | null,"sha256": string | null,"status": string,"thumbnail_url": string | null,"user_id": string | null,"video_duration": number | null,"width": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "account_id": string,"aspect_ratio": string,"charge_amount"?: never,"charge_id"?: string | null,"charge_type"?: never,"completed_at"?: string | null,"created_at"?: string,"credit_cost": number,"deleted_at"?: string | null,"downloaded_at"?: string | null,"duration": number,"ended_at"?: string | null,"error_code"?: string | null,"error_message"?: string | null,"file_size_bytes"?: number | null,"google_video_url"?: string | null,"height"?: number | null,"id"?: string,"idempotency_key"?: string | null,"model": string,"negative_prompt"?: string | null,"operation_id"?: string | null,"permanent_video_url"?: string | null,"prompt"?: string | null,"reference_image_bucket"?: string | null,"reference_image_path"?: string | null,"refund_id"?: string | null,"refund_type"?: never,"request": NonNullable<Json>,"resolution": string,"resolving_lease"?: string | null,"retry_count"?: number,"retry_of"?: string | null,"sha256"?: string | null,"status"?: string,"thumbnail_url"?: string | null,"user_id"?: string | null,"video_duration"?: number | null,"width"?: number | null
                  }
                  Update: {
                    "account_id"?: string,"aspect_ratio"?: string,"charge_amount"?: never,"charge_id"?: string | null,"charge_type"?: never,"completed_at"?: string | null,"created_at"?: string,"credit_cost"?: number,"deleted_at"?: string | null,"downloaded_at"?: string | null,"duration"?: number,"ended_at"?: string | null,"error_code"?: string | null,"error_message"?: string | null,"file_size_bytes"?: number | null,"google_video_url"?: string | null,"height"?: number | null,"id"?: string,"idempotency_key"?: string | null,"model"?: string,"negative_prompt"?: string | null,"operation_id"?: string | null,"permanent_video_url"?: string | null,"prompt"?: string | null,"reference_image_bucket"?: string | null,"reference_image_path"?: string | null,"refund_id"?: string | null,"refund_type"?: never,"request"?: NonNullable<Json>,"resolution"?: string,"resolving_lease"?: string | null,"retry_count"?: number,"retry_of"?: string | null,"sha256"?: string | null,"status"?: string,"thumbnail_url"?: string | null,"user_id"?: string | null,"video_duration"?: number | null,"width"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "charge_is_in_the_ledger"
      columns: ["charge_id","id","charge_type","charge_amount"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id","task_id","type","amount"]
    },{
      foreignKeyName: "refund_is_in_the_ledger"
      columns: ["refund_id","id","refund_type","credit_cost"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id","task_id","type","amount"]
    },{
      foreignKeyName: "video_generation_history_account_id_fkey"
      columns: ["account_id"]
isOneToOne: false
      referencedRelation: "credit_accounts"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_generation_history_model_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "video_models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_generation_history_retry_of_fkey"
      columns: ["retry_of"]
isOneToOne: false
      referencedRelation: "video_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_generation_history_retry_of_fkey"
      columns: ["retry_of"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id"]
    }
                  ]
                },"video_model_options": {
                  Row: {
                    "duration": number,"model": string,"resolution": string,"slow_seconds": number,"typical_seconds": number,"usd_per_second": number,"valid_from": string
                  }
                  ComputedFields: never
                  Insert: {
                    "duration": number,"model": string,"resolution": string,"slow_seconds": number,"typical_seconds": number,"usd_per_second": number,"valid_from"?: string
                  }
                  Update: {
                    "duration"?: number,"model"?: string,"resolution"?: string,"slow_seconds"?: number,"typical_seconds"?: number,"usd_per_second"?: number,"valid_from"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_model_options_model_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "video_models"
      referencedColumns: ["id"]
    }
                  ]
                },"video_models": {
                  Row: {
                    "credit_multiplier": number,"display_name": string,"has_negative_prompt": boolean,"has_reference_image": boolean,"id": string,"is_enabled": boolean,"pause_reason": string | null,"paused_at": string | null,"price_checked_at": string | null,"provider": string,"provider_model": string,"retires_at": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "credit_multiplier"?: number,"display_name": string,"has_negative_prompt": boolean,"has_reference_image": boolean,"id": string,"is_enabled"?: boolean,"pause_reason"?: string | null,"paused_at"?: string | null,"price_checked_at"?: string | null,"provider": string,"provider_model": string,"retires_at"?: string | null
                  }
                  Update: {
                    "credit_multiplier"?: number,"display_name"?: string,"has_negative_prompt"?: boolean,"has_reference_image"?: boolean,"id"?: string,"is_enabled"?: boolean,"pause_reason"?: string | null,"paused_at"?: string | null,"price_checked_at"?: string | null,"provider"?: string,"provider_model"?: string,"retires_at"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"video_ratings": {
                  Row: {
                    "created_at": string,"stars": number,"task_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"stars": number,"task_id": string,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"stars"?: number,"task_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_ratings_task_id_fkey"
      columns: ["task_id"]
isOneToOne: true
      referencedRelation: "video_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_ratings_task_id_fkey"
      columns: ["task_id"]
isOneToOne: true
      referencedRelation: "videos"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Views: {
            "videos": {
                  Row: {
                    "aspect_ratio": string,"completed_at": string | null,"created_at": string,"credit_cost": number,"downloaded_at": string | null,"duration": number,"error_code": string | null,"error_message": string | null,"file_size_bytes": number | null,"height": number | null,"id": string,"model": string,"negative_prompt": string | null,"permanent_video_url": string | null,"prompt": string | null,"reference_image_bucket": string | null,"reference_image_path": string | null,"resolution": string,"retry_count": number,"retry_of": string | null,"status": string,"thumbnail_url": string | null,"user_id": string | null,"video_duration": number | null,"width": number | null
                  }
                  ComputedFields: never
                  Insert: {
                           "aspect_ratio"?: string | null,"completed_at"?: string | null,"created_at"?: string | null,"credit_cost"?: number | null,"downloaded_at"?: string | null,"duration"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"file_size_bytes"?: number | null,"height"?: number | null,"id"?: string | null,"model"?: string | null,"negative_prompt"?: string | null,"permanent_video_url"?: string | null,"prompt"?: string | null,"reference_image_bucket"?: string | null,"reference_image_path"?: string | null,"resolution"?: string | null,"retry_count"?: number | null,"retry_of"?: string | null,"status"?: string | null,"thumbnail_url"?: string | null,"user_id"?: string | null,"video_duration"?: number | null,"width"?: number | null
                         }
                        Update: {
                           "aspect_ratio"?: string | null,"completed_at"?: string | null,"created_at"?: string | null,"credit_cost"?: number | null,"downloaded_at"?: string | null,"duration"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"file_size_bytes"?: number | null,"height"?: number | null,"id"?: string | null,"model"?: string | null,"negative_prompt"?: string | null,"permanent_video_url"?: string | null,"prompt"?: string | null,"reference_image_bucket"?: string | null,"reference_image_path"?: string | null,"resolution"?: string | null,"retry_count"?: number | null,"retry_of"?: string | null,"status"?: string | null,"thumbnail_url"?: string | null,"user_id"?: string | null,"video_duration"?: number | null,"width"?: number | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "video_generation_history_model_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "video_models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_generation_history_retry_of_fkey"
      columns: ["retry_of"]
isOneToOne: false
      referencedRelation: "video_generation_history"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "video_generation_history_retry_of_fkey"
      columns: ["retry_of"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Functions: {
            "admin_acknowledge_alert":
{ Args: { "alert_id": number }; Returns: Json
                           },
"admin_deduct_credits":
{ Args: { "amount": number,"idempotency_key"?: string,"reason": string,"user_id": string }; Returns: Json
                           },
"admin_feature_showcase_item":
{ Args: { "featured"?: boolean,"item_id": string,"position"?: number }; Returns: Json
                           },
"admin_get_dashboard":
{ Args: { "from"?: string,"to"?: string }; Returns: Json
                           },
"admin_get_user_video_stats":
{ Args: { "user_id": string }; Returns: Json
                           },
"admin_get_video":
{ Args: { "task_id": string }; Returns: Json
                           },
"admin_grant_credits":
{ Args: { "amount": number,"idempotency_key"?: string,"reason": string,"user_id": string }; Returns: Json
                           },
"admin_list_actions":
{ Args: { "cursor"?: string,"page_size"?: number,"task_id"?: string,"user_id"?: string }; Returns: Json
                           },
"admin_list_alerts":
{ Args: { "cursor"?: string,"include_acknowledged"?: boolean,"page_size"?: number,"severity"?: string }; Returns: Json
                           },
"admin_list_config":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"admin_list_config_changes":
{ Args: { "cursor"?: string,"key"?: string,"page_size"?: number }; Returns: Json
                           },
"admin_list_models":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"admin_list_showcase":
{ Args: { "cursor"?: string,"page_size"?: number,"status"?: string }; Returns: Json
                           },
"admin_list_stuck_tasks":
{ Args: { "cursor"?: string,"page_size"?: number }; Returns: Json
                           },
"admin_list_user_videos":
{ Args: { "cursor"?: string,"page_size"?: number,"sort"?: string,"status"?: string,"user_id": string }; Returns: Json
                           },
"admin_list_users":
{ Args: { "cursor"?: string,"page_size"?: number,"search"?: string }; Returns: Json
                           },
"admin_refund_video":
{ Args: { "amount"?: number,"idempotency_key"?: string,"reason": string,"task_id": string }; Returns: Json
                           },
"admin_retry_download":
{ Args: { "task_id": string }; Returns: Json
                           },
"admin_review_showcase_item":
{ Args: { "decision": string,"item_id": string,"reason"?: string }; Returns: Json
                           },
"admin_rollback":
{ Args: { "batch_size"?: number,"reason": string }; Returns: Json
                           },
"admin_set_config":
{ Args: { "key": string,"reason": string,"value": Json }; Returns: Json
                           },
"admin_set_credit_package":
{ Args: { "amount"?: number,"credits"?: number,"currency"?: string,"id": string,"is_enabled"?: boolean,"mode"?: string,"name"?: string,"place"?: number,"product_id"?: string,"provider"?: string,"reason": string }; Returns: Json
                           },
"admin_set_model":
{ Args: { "clear_pause"?: boolean,"credit_multiplier"?: number,"is_enabled"?: boolean,"model": string,"provider_model"?: string,"reason": string,"retires_at"?: string }; Returns: Json
                           },
"admin_set_model_price":
{ Args: { "duration"?: number,"model": string,"reason": string,"resolution"?: string,"usd_per_second": number,"valid_from"?: string }; Returns: Json
                           },
"begin_checkout":
{ Args: { "package_id": string }; Returns: Json
                           },
"begin_prompt_optimization":
{ Args: { "content_type": string,"prompt": string }; Returns: Json
                           },
"cancel_video":
{ Args: { "task_id": string }; Returns: Json
                           },
"delete_image":
{ Args: { "image_id": string }; Returns: Json
                           },
"delete_video":
{ Args: { "task_id": string }; Returns: Json
                           },
"finish_prompt_optimization":
{ Args: { "negative_prompt"?: string,"optimization_id": string,"outcome": string,"prompt"?: string }; Returns: Json
                           },
"generate_video":
{ Args: { "aspect_ratio"?: string,"duration"?: number,"idempotency_key"?: string,"model"?: string,"negative_prompt"?: string,"prompt": string,"reference_image_id"?: string,"reference_image_path"?: string,"resolution"?: string }; Returns: Json
                           },
"get_credits":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"get_video_availability":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"get_video_status":
{ Args: { "task_id": string }; Returns: Json
                           },
"list_credit_packages":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_credit_transactions":
{ Args: { "cursor"?: string,"page_size"?: number }; Returns: Json
                           },
"list_generations":
{ Args: { "content_type"?: string,"cursor"?: string,"page_size"?: number }; Returns: Json
                           },
"list_my_showcase":
{ Args: { "cursor"?: string,"page_size"?: number }; Returns: Json
                           },
"list_payments":
{ Args: { "cursor"?: string,"page_size"?: number }; Returns: Json
                           },
"list_showcase":
{ Args: { "content_type"?: string,"cursor"?: string,"featured"?: boolean,"page_size"?: number }; Returns: Json
                           },
"list_video_prices":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"list_videos":
{ Args: { "cursor"?: string,"page_size"?: number,"status"?: string }; Returns: Json
                           },
"publish_to_showcase":
{ Args: { "image_id"?: string,"show_prompt"?: boolean,"task_id"?: string,"title"?: string }; Returns: Json
                           },
"quote_video":
{ Args: { "duration"?: number,"model"?: string,"resolution"?: string }; Returns: Json
                           },
"rate_video":
{ Args: { "stars": number,"task_id": string }; Returns: Json
                           },
"record_checkout":
{ Args: { "checkout_id": string,"payment_id": string }; Returns: Json
                           },
"record_image":
{ Args: { "bucket": string,"height"?: number,"path": string,"prompt": string,"user_id"?: string,"width"?: number }; Returns: Json
                           },
"record_payment":
{ Args: { "amount"?: number,"checkout_id"?: string,"currency"?: string,"discount_amount"?: number,"event_id": string,"event_type": string,"kind": string,"mode"?: string,"occurred_at"?: string,"order_id"?: string,"paid_amount"?: number,"payload": Json,"payment_id"?: string,"problem"?: string,"product_id"?: string,"provider": string,"refunded_amount"?: number,"units"?: number,"user_id"?: string }; Returns: Json
                           },
"remove_from_showcase":
{ Args: { "item_id": string }; Returns: Json
                           },
"search_images":
{ Args: { "cursor"?: string,"page_size"?: number,"search"?: string }; Returns: Json
                           },
"set_showcase_like":
{ Args: { "item_id": string,"liked"?: boolean }; Returns: Json
                           },
"take_unsettled_payments":
{ Args: { "provider": string }; Returns: Json
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            
          }
        }
} as const
